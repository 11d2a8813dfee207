//! Database migrations, one file each.
