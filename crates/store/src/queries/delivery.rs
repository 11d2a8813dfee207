//! Published policies, the files of the TUF repository, gateways and their receipts.

use crate::error::StoreError;
use crate::rows::{
    Bundle, Candidate, Gateway, Grant, Key, Ring, Rollout, TufFile, TufState, bundles, candidates, enrolments, gateways, grants, keys,
    receipts, rollouts, tuf_files,
};
use crate::scoped::{Reader, Row, Scoped};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;

type Result<T> = std::result::Result<T, StoreError>;

/// A published policy without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleHead {
    /// Version.
    pub version: i64,
    /// Digest of the bytes, hex.
    pub sha256: String,
    /// Why.
    pub note: String,
    /// When, Unix milliseconds.
    pub published_ms: i64,
    /// Who.
    pub published_by: String,
}

/// How a gateway is known: its kind, and the key it enrolled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayKey {
    /// `gateway` or `opa`.
    pub kind: String,
    /// A JWK.
    pub public_key: String,
}

/// What a gateway last said, as far as a receipt needs it.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct GatewayWord {
    /// `gw_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it enrolled, Unix milliseconds.
    pub enrolled_ms: i64,
    /// The newest revocation list that it enforces.
    pub revocation_seq: Option<i64>,
    /// The policy that it runs.
    pub policy_version: Option<i64>,
    /// When it last said anything, Unix milliseconds.
    pub seen_ms: Option<i64>,
    /// The error that keeps it back, in words.
    pub error_text: Option<String>,
}

/// What a gateway showed as a witness before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewayWitness {
    /// Its key, in note form.
    pub key: Option<String>,
    /// Its newest signature line.
    pub cosignature: Option<String>,
}

impl Reader<'_> {
    /// How these gateways are known, by id. Asked with every call of a gateway, and so without all else that their rows say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_keys(&self, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, GatewayKey>> {
        use gateways::Column as C;
        let query = self.find::<Gateway>().select_only().columns([C::Id, C::Kind, C::PublicKey]).filter(C::Id.is_in(ids));
        let found: Vec<(String, String, String)> = query.into_tuple().all(&self.db.executor()).await?;
        Ok(found.into_iter().map(|(id, kind, public_key)| (id, GatewayKey { kind, public_key })).collect())
    }

    /// What every gateway last said of revocations, by name: a receipt is made of it, so without all else that their rows say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_words(&self) -> Result<Vec<GatewayWord>> {
        use gateways::Column as C;
        let columns = [C::Id, C::Name, C::EnrolledMs, C::RevocationSeq, C::PolicyVersion, C::SeenMs, C::ErrorText];
        let query = self.find::<Gateway>().select_only().columns(columns).order_by_asc(C::Name);
        Ok(query.into_model().all(&self.db.executor()).await?)
    }

    /// What these gateways showed as witnesses before, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_witnesses(&self, ids: impl IntoIterator<Item = String>) -> Result<HashMap<String, GatewayWitness>> {
        use gateways::Column as C;
        let query = self.find::<Gateway>().select_only().columns([C::Id, C::WitnessKey, C::Cosignature]).filter(C::Id.is_in(ids));
        let found: Vec<(String, Option<String>, Option<String>)> = query.into_tuple().all(&self.db.executor()).await?;
        Ok(found.into_iter().map(|(id, key, cosignature)| (id, GatewayWitness { key, cosignature })).collect())
    }

    /// All published policies without their bytes, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bundle_heads(&self) -> Result<Vec<BundleHead>> {
        use bundles::Column as C;
        let query = bundles::Entity::find()
            .select_only()
            .columns([C::Version, C::Sha256, C::Note, C::PublishedMs, C::PublishedBy])
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .order_by_desc(C::Version);
        let found: Vec<(i64, String, String, i64, String)> = query.into_tuple().all(&self.db.executor()).await?;
        let head = |(version, sha256, note, published_ms, published_by)| BundleHead { version, sha256, note, published_ms, published_by };
        Ok(found.into_iter().map(head).collect())
    }

    /// The newest published policy before this version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bundle_before(&self, version: i64) -> Result<Option<Bundle>> {
        let query = self.find::<Bundle>().filter(bundles::Column::Version.lt(version)).order_by_desc(bundles::Column::Version);
        Ok(query.one(&self.db.executor()).await?.map(Bundle::from_model))
    }

    /// The highest version that was published; 0 before the first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_bundle(&self) -> Result<i64> {
        let query = self.find::<Bundle>().select_only().column_as(bundles::Column::Version.max(), "version");
        let found: Option<Option<i64>> = query.into_tuple().one(&self.db.executor()).await?;
        Ok(found.flatten().unwrap_or(0))
    }

    /// The candidate that awaits its signature, if one does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn candidate_awaiting(&self) -> Result<Option<Candidate>> {
        self.one(candidates::Column::State.eq("awaiting")).await
    }

    /// The highest number and the highest policy version that any candidate ever had; 0 where there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn candidate_marks(&self) -> Result<(i64, i64)> {
        use candidates::Column as C;
        let query =
            self.find::<Candidate>().select_only().column_as(C::Number.max(), "number").column_as(C::PolicyVersion.max(), "version");
        let found: Option<(Option<i64>, Option<i64>)> = query.into_tuple().one(&self.db.executor()).await?;
        let (number, version) = found.unwrap_or_default();
        Ok((number.unwrap_or(0), version.unwrap_or(0)))
    }

    /// The roots of the repository, all versions, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tuf_roots(&self) -> Result<Vec<TufFile>> {
        use tuf_files::Column as C;
        self.list(Condition::all().add(C::Id.starts_with("metadata/")).add(C::Id.ends_with(".root.json"))).await
    }

    /// The keys of the TUF repository, all roles, used ones among them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tuf_keys(&self) -> Result<Vec<Key>> {
        self.list(keys::Column::Purpose.starts_with("tuf-")).await
    }

    /// The versions of the repository, if the tenant has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tuf_state(&self) -> Result<Option<TufState>> {
        self.get("tuf").await
    }

    /// The files that change with every revocation and assignment, in these versions: what is pushed to gateways.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tuf_online_files(&self, state: &TufState) -> Result<Vec<TufFile>> {
        use tuf_files::Column as C;
        let metadata = [
            "metadata/timestamp.json".to_owned(),
            format!("metadata/{}.snapshot.json", state.snapshot),
            format!("metadata/{}.assignment.json", state.assignment),
            format!("metadata/{}.revocations.json", state.revocations),
        ];
        let target = |start: &str, version: i64| Condition::all().add(C::Id.starts_with(start)).add(C::Version.eq(version));
        let wanted = Condition::any()
            .add(C::Id.is_in(metadata))
            .add(target("targets/revocations/", state.revocations))
            .add(target("targets/assignment/", state.assignment));
        self.list::<TufFile>(wanted).await
    }

    /// The rollout that is running or halted, if one is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rollout_under_way(&self) -> Result<Option<Rollout>> {
        self.one(rollouts::Column::EndedMs.is_null()).await
    }

    /// The rings, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rings_in_order(&self) -> Result<Vec<Ring>> {
        let mut rings: Vec<Ring> = self.all().await?;
        rings.sort_by_key(|ring| ring.position);
        Ok(rings)
    }

    /// The gateway of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_named(&self, name: &str) -> Result<Option<Gateway>> {
        self.one(gateways::Column::Name.eq(name)).await
    }

    /// For each gateway that confirmed this revocation sequence or a later one: its id, and when it first did (Unix milliseconds).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn first_receipts(&self, seq: i64) -> Result<Vec<(String, i64)>> {
        use receipts::Column as C;
        let query = receipts::Entity::find()
            .select_only()
            .column(C::GatewayId)
            .column_as(C::AtMs.min(), "at_ms")
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .filter(C::Seq.gte(seq))
            .group_by(C::GatewayId)
            .order_by_asc(C::GatewayId);
        Ok(query.into_tuple().all(&self.db.executor()).await?)
    }

    /// The grants with these ids; unknown ids are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grants_named(&self, ids: &[String]) -> Result<Vec<Grant>> {
        let mut found = Vec::new();
        for ids in ids.chunks(500) {
            found.extend(self.list::<Grant>(grants::Column::Id.is_in(ids.iter().map(String::as_str))).await?);
        }
        Ok(found)
    }
}

impl Scoped<'_> {
    /// Removes files of an online role (`snapshot`, `assignment`, `revocations`) that belong to a version below `version`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_tuf_files(&self, role: &str, version: i64) -> Result<u64> {
        use tuf_files::Column as C;
        let metadata = Condition::all().add(C::Id.starts_with("metadata/")).add(C::Id.ends_with(format!(".{role}.json")));
        let of_role = Condition::any().add(metadata).add(C::Id.starts_with(format!("targets/{role}/")));
        let done = tuf_files::Entity::delete_many()
            .filter(TufFile::tenant_column().eq(self.tenant().as_str()))
            .filter(of_role)
            .filter(C::Version.lt(version))
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }

    /// Removes enrolment tokens of this name that were not used: a newer one takes their place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_enrolments(&self, name: &str) -> Result<u64> {
        use enrolments::Column as C;
        let done = enrolments::Entity::delete_many()
            .filter(C::TenantId.eq(self.tenant().as_str()))
            .filter(C::Name.eq(name))
            .filter(C::UsedMs.is_null())
            .exec(&self.executor())
            .await?;
        Ok(done.rows_affected)
    }
}
