//! The schema, walked: a table that forgets its tenant fails here.

use crate::support::*;
use sea_orm::{ConnectionTrait, Statement};

/// Tables that belong to no tenant: the tenants themselves, and the record of migrations.
const WITHOUT_TENANT: [&str; 2] = ["tenants", "seaql_migrations"];

/// A column: its name, whether it is a number, and its place in the primary key (0: none).
pub struct Column {
    pub name: String,
    pub is_number: bool,
    pub key: i64,
}

async fn texts(db: &Db, sql: &str, column: &str) -> Vec<String> {
    let statement = Statement::from_string(db.raw.get_database_backend(), sql);
    let rows = db.raw.query_all_raw(statement).await.expect("the schema can be read");
    rows.iter().map(|row| row.try_get("", column).expect("text")).collect()
}

/// Every table of a tenant.
pub async fn tables(db: &Db) -> Vec<String> {
    let sql = match db.is_sqlite() {
        true => "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name",
        false => "select table_name::text as name from information_schema.tables where table_schema = 'public' order by table_name",
    };
    let mut found = texts(db, sql, "name").await;
    found.retain(|name| !WITHOUT_TENANT.contains(&name.as_str()));
    found
}

/// Its columns in order.
pub async fn columns(db: &Db, table: &str) -> Vec<Column> {
    let sql = match db.is_sqlite() {
        true => format!("select name, lower(type) as type, pk as key from pragma_table_info('{table}')"),
        false => format!(
            "select c.column_name::text as name, c.data_type::text as type, coalesce((
                select k.ordinal_position from information_schema.table_constraints t
                join information_schema.key_column_usage k using (constraint_name, table_schema, table_name)
                where t.constraint_type = 'PRIMARY KEY' and t.table_name = c.table_name and k.column_name = c.column_name), 0)::bigint as key
             from information_schema.columns c where c.table_schema = 'public' and c.table_name = '{table}' order by c.ordinal_position"
        ),
    };
    let rows = db.raw.query_all_raw(Statement::from_string(db.raw.get_database_backend(), sql)).await.expect("columns");
    let column = |row: &sea_orm::QueryResult| {
        let kind: String = row.try_get("", "type").expect("a type");
        let name = row.try_get("", "name").expect("a name");
        // SQLite says how long its integers are only by their values.
        let key = row.try_get::<i64>("", "key").or_else(|_| row.try_get::<i32>("", "key").map(i64::from)).expect("a place");
        assert!(
            ["text", "bigint"].contains(&kind.as_str()),
            "{table}.{name}: {kind} is a type that the two databases may treat differently"
        );
        Column { name, is_number: kind == "bigint", key }
    };
    rows.iter().map(column).collect()
}

on_each_database! {
    async fn every_table_has_its_tenant_first_in_its_key(db: Db) {
        let tables = tables(&db).await;
        assert!(tables.len() > 20, "{tables:?}");
        for table in tables {
            let mut key: Vec<Column> = columns(&db, &table).await.into_iter().filter(|column| column.key > 0).collect();
            key.sort_by_key(|column| column.key);
            let key: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(key, ["tenant_id", "id"], "{table}");
        }
    }

    async fn every_unique_index_begins_with_the_tenant(db: Db) {
        let sql = match db.is_sqlite() {
            true => "select l.name || ' of ' || m.name || ': ' || i.name as name from sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
                     where m.type = 'table' and l.\"unique\" = 1 and i.seqno = 0 and i.name <> 'tenant_id' and m.name not in ('tenants', 'seaql_migrations')",
            false => "select i.relname::text || ' of ' || t.relname::text as name from pg_index x
                      join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
                      join pg_namespace n on n.oid = t.relnamespace and n.nspname = 'public'
                      join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
                      where x.indisunique and a.attname <> 'tenant_id' and t.relname not in ('tenants', 'seaql_migrations')",
        };
        assert_eq!(texts(&db, sql, "name").await, Vec::<String>::new(), "two tenants could not have the same value");
    }
}
