//! Two engines that evaluate the generated Rego: regorus in this process, and the genuine one of the Open Policy Agent in a process of
//! its own. For tests and benchmarks only.
//!
//! Both are asked in batches: one evaluation of [`BATCH`] answers many questions, each under revocations of its own.

pub mod genuine;
pub mod question;
pub mod world;

mod engine;
mod interpreter;

pub use engine::Engine;
pub use genuine::Genuine;
pub use interpreter::Interpreter;

/// A module that answers `input.questions`, each with its own `input`, revocations and manifests. `listings` answers for the tools that
/// belong into a list in place of the decision.
///
/// Values are bound to names before they replace anything: what `with` is given is evaluated under what it has replaced already.
pub const BATCH: &str = r"package test

decisions := [decision |
	some question in input.questions
	asked := question.input
	revocations := question.revocations
	bundles := question.bundles
	decision := data.writ.decision with input as asked with data.writ.revocations as revocations with data.system.bundles as bundles
]

listings := [tools |
	some question in input.questions
	asked := question.input
	revocations := question.revocations
	bundles := question.bundles
	tools := data.writ.listing.tools with input as asked with data.writ.revocations as revocations with data.system.bundles as bundles
]
";
