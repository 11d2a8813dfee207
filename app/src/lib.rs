//! The console's pages: view models and pure views.
