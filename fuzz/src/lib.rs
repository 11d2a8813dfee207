//! Fuzz targets for what reads bytes from outside: files, bodies, headers, answers, and what people type.
//!
//! A target is an ordinary test. `cargo nextest run -p fuzz` tries each on a fixed number of inputs, the same ones every time, so they run on
//! stable with all other tests; `cargo bolero test` lets an engine that is guided by coverage try one for as long as it likes.
//! `CONTRIBUTING.md` says how.
//!
//! Bytes made up at random never get past the first brace. So each target has valid documents, made by the very writers whose readers it
//! tries ([`samples`]), and inputs are edits of them ([`edit`], and of JSON as a [`tree`]); where a signature would keep edits out, there is
//! a target beside it in which a thief signs them. That nothing panics or takes more than [`bounded::MOST_MEMORY`] is tried everywhere, and
//! what hangs is named before it is ended; what else is tried is what the reader promises.
//!
//! | target | bytes | from | what holds beside |
//! | --- | --- | --- | --- |
//! | `bundles::metadata_served` | all metadata and target files | the network | what verifies is what was signed; nothing goes back |
//! | `bundles::metadata_signed_by_a_thief` | metadata of each role | a stolen key | only published policies, no older list; what is kept opens again |
//! | `bundles::kept_state` | `trusted.json` | the gateway's disk | it says what was accepted, or is refused with a code |
//! | `bundles::kept_floors` | what `floors.sealed` seals | the gateway's disk | read again as the same; nothing below them is accepted |
//! | `bundles::canonical_json` | what signatures cover | metadata | two values are never written alike |
//! | `bundles::keys` | SPKI PEM, PKCS#8 | metadata, key files | read again as the same; no private key in `Debug` |
//! | `bundles::assignments` | `rings.json`, target names | metadata | read again as the same; only named versions are assigned |
//! | `ceremonies::candidates`, `root_proposals`, `metadata_to_be_signed` | documents for those who sign | the control plane, people | what holds is told whole; what is taken brings only files that it lists |
//! | `ceremonies::signatures_that_come_back` | signatures | people, machines | read again as the same |
//! | `ceremonies::signatures_of_programs` | DER, as it is or in hex | programs that sign, whoever hands it in | only the key's own is taken |
//! | `ceremonies::key_files` | encrypted PKCS#8 in PEM | people | bearable work, the same key |
//! | `policies::role_files` | the role file, YAML | people | written out it is read as the same; errors have a line |
//! | `policies::policy_sets` | `policy/N.json` | metadata | read again as the same; allowed is only what the token has |
//! | `policies::revocation_lists` | `revocations/list.json` | metadata | the same |
//! | `tokens::access_tokens` | access tokens | callers | an edited token says nothing else than it did |
//! | `tokens::access_tokens_of_a_hostile_issuer` | header and claims | a trusted issuer | issuer, times, depth of the chain |
//! | `tokens::assertions` | assertions | gateways, upstreams' callers | audience and life; edited ones say nothing else |
//! | `tokens::key_sets` | JWK sets | policy | no key verifies that is not in it |
//! | `evidences::notes_and_checkpoints` | signed notes | the log | an edited note says nothing else |
//! | `evidences::checkpoints_of_a_hostile_log` | a checkpoint's text | a trusted log | it is what was signed |
//! | `evidences::handovers` | a log's key handing over | the log, exports | the next key is the one that both signed |
//! | `evidences::keys` | note keys, hashes, salts | people, exports | one spelling |
//! | `evidences::cosignatures` | cosignature lines | gateways | one text, one time |
//! | `evidences::exported_logs`, `exports_put_together_anew` | exports | auditors' files | whole byte by byte, or a finding with its line |
//! | `evidences::what_a_witness_is_shown` | checkpoints with proofs, `witness.json` | the control plane, disk | only the log's own next heads are taken |
//! | `enforcing::messages_and_the_decision_about_them` | JSON-RPC messages | callers | nothing that two parsers read differently is decided |
//! | `enforcing::headers` | `Mcp-…` headers, tool definitions | callers, MCP servers | they agree with the body, or there is a code |
//! | `enforcing::definitions` | tool definitions | MCP servers | gateway and control plane have one digest for one meaning |
//! | `enforcing::policies_on_their_way_into_force` | policy, list, argument schemas | metadata | what is taken in can be enforced |
//! | `following::news_and_files` | watch replies, files | the control plane, a web server | only what was published is in force, nothing goes back, no hot loop, it recovers |
//! | `gateways::event_streams` | server-sent events | MCP servers | byte by byte, however cut; read as the specification says |
//! | `gateways::lists_of_tools` | answers with lists | MCP servers | nobody sees what they may not use |
//! | `gateways::request_headers` | `Host`, `Origin`, `Authorization`, trace context | callers | only our names, one token, one trace |
//! | `gateways::configuration_files` | `gateway.toml` | operators | in bounds, or every error has its line |
//! | `gateways::what_lies_on_disk` | `chain`, `identity.json`, sealed files, the decision log's end | the gateway's disk | only what was written |
//! | `gateways::enrolment_tokens` | enrolment tokens | operators | whole or refused, never shown |
//! | `gateways::enrolment_answers` | answers to an enrolment | whoever answers in the control plane's place | the root is the token's; names are names |
//! | `gateways::answers_of_a_control_plane` | watch replies, problems | the control plane | what is logged is short and printable |
//! | `catalogues::event_streams` | server-sent events | MCP servers | read as the specification says |
//! | `catalogues::answers` | JSON-RPC messages | MCP servers | an answer to this request, each member once |
//! | `catalogues::pages_of_tools` | answers to `tools/list` | MCP servers | bounds, visible text, no name twice |
//! | `providers::documents_and_key_sets` | discovery documents, JWK sets | identity providers | the configured issuer; errors are short and visible |
//! | `providers::id_tokens` | token responses, ID tokens, their claims | identity providers | who the token names, for us, now, in this sign-in |
//! | `providers::addresses` | URLs to call | people, identity providers | nowhere inside but where that is allowed |
//! | `key_services::references` | where a key lies, `vault:transit/k@1` | people, the database | one spelling; the path that is called is the one that is named |
//! | `key_services::public_halves` | answers to `GET keys/{name}` | Vault, OpenBao | the version that was asked for, which can be asked for again; errors are short and visible |
//! | `key_services::signatures` | answers to `POST sign/{name}` | Vault, OpenBao | the version that was asked for, one spelling; only the key's own verifies |
//! | `intake::decision_batches`, `compressed_bodies` | NDJSON, gzip | gateways | bounds; no record that two parsers read differently |
//! | `intake::acknowledgements` | acknowledgements | gateways | what is kept is printable and short, and the same when it is said twice |
//! | `opas::decision_logs` | decision logs | OPAs | nothing that is ours is passed over; what is kept is printable and short |
//! | `opas::status_reports` | status | OPAs | what is kept is printable and short |
//! | `opas::what_an_opa_asks_for` | `If-None-Match`, `Prefer` | OPAs | a digest or nothing; never held for longer than the way lasts |
//! | `opas::signatures_made_elsewhere` | ASN.1 DER | machines that sign | one spelling; only the key's own completes a bundle |
//! | `intake::keys_that_people_paste` | JWKs | people | a private key is refused and never repeated |
//! | `intake::argument_schemas` | JSON Schema | people, MCP servers | what is taken in can be enforced |
//! | `intake::limits_that_people_type` | limits | people | in bounds, read again as the same |
//! | `intake::addresses_that_people_type` | issuers, redirect URIs, resources, upstreams | people | bare addresses that can be used as they stand |
//! | `intake::forms` | forms, fetch metadata, paths | browsers | the session's token and our origin, or it is not believed |
//! | `intake::where_people_go_after_signing_in` | `return_to` | browsers | as a browser reads it: this site, this tenant |
//! | `oauth::authorization_requests`, `token_requests` | queries, forms | clients | each parameter once; errors are printable |
//! | `oauth::redirect_uris` | redirect URIs, `state` | clients | the registered one but for a loopback port; the browser goes there and nowhere else |
//! | `oauth::proofs_of_agents` | agents' proofs | agents | one agent, one audience, a short life |
//!
//! Left out is what has no parser of its own, or none that can be reached without a database or a connection:
//!
//! - what libraries parse before it comes to us: HTTP and TLS, the command line, cookies, form fields (each of which a use case then judges);
//! - the answers to the gateway's own questions to MCP servers: JSON values, of which members are looked up by name. The streams that they
//!   come on and the lists in them are tried above;
//! - rows of the database, sessions among them, and the master key's file: whoever writes those has everything already;
//! - answers of the control plane to the command line, which are printed, made visible.

pub mod bounded;
pub mod choices;
pub mod edit;
mod run;
pub mod samples;
pub mod streams;
pub mod tree;

pub use bounded::bounded;
pub use choices::Choices;
pub use edit::{edited, edited_text};
pub use run::run;
pub use tree::Tree;

/// The most bytes that one input is made from.
pub const LONGEST: usize = 256;

/// Runs a function of [`Choices`] as a target: on so many inputs.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($inputs:expr, $target:expr) => {{
        // Its path has the name of the test in it.
        fn here() {}
        $crate::run(::std::any::type_name_of_val(&here), $inputs, $target)
    }};
}

/// Runs a function of [`Choices`] as a target: for as long as the engine likes that this was built for.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($inputs:expr, $target:expr) => {{
        let _: u64 = $inputs;
        // What a panic leaves behind is never looked at: the first one ends the target.
        let target = ::std::panic::AssertUnwindSafe($target);
        $crate::bolero::check!().with_max_len($crate::LONGEST).for_each(|bytes: &[u8]| {
            let ::std::panic::AssertUnwindSafe(target) = &target;
            $crate::bounded(|| target($crate::Choices::new(bytes)))
        })
    }};
}

#[cfg(fuzzing)]
#[doc(hidden)]
pub use bolero;
