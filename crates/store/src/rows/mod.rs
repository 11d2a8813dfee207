//! One row type per table. The database entities behind them are private to this crate.

mod delivery;
mod evidence;
mod governance;
mod identity;
mod oauth;
mod policy;
pub(crate) mod tenants;

pub use delivery::*;
pub use evidence::*;
pub use governance::*;
pub use identity::*;
pub use oauth::*;
pub use policy::*;
pub use tenants::Tenant;

/// Declares a table of a tenant: its private entity, and the public row without the tenant, which only a scope can add.
macro_rules! table {
    ($(#[$doc:meta])* $name:literal $table:ident, $Row:ident { $($(#[$field_doc:meta])* $field:ident : $Type:ty,)* }) => {
        pub(crate) mod $table {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub tenant_id: String,
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: String,
                $(pub $field: $Type,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }

        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Row {
            /// Its id within the tenant.
            pub id: String,
            $($(#[$field_doc])* pub $field: $Type,)*
        }

        impl crate::scoped::Row for $Row {
            type Entity = $table::Entity;
            type Model = $table::Model;
            type Active = $table::ActiveModel;

            fn tenant_column() -> $table::Column {
                $table::Column::TenantId
            }

            fn id_column() -> $table::Column {
                $table::Column::Id
            }

            fn from_model(model: $table::Model) -> Self {
                Self { id: model.id, $($field: model.$field,)* }
            }

            fn into_active(self, tenant: &crate::tenant::TenantId) -> $table::ActiveModel {
                use sea_orm::ActiveValue::Set;
                $table::ActiveModel { tenant_id: Set(tenant.as_str().to_owned()), id: Set(self.id), $($field: Set(self.$field),)* }
            }

            fn id(&self) -> &str {
                &self.id
            }
        }
    };
}
pub(crate) use table;
