//! The directory: its layout, where it can stand, the index, the snapshot, the log, and sealing.

mod http_client;
mod http_failure;
mod retry;
mod store;
mod store_dir;
mod store_http;

pub use http_client::HttpSettings;
pub use retry::backoff;
pub use store::{ByteStream, Fresh, Store, StoreError, open_store};
pub use store_dir::DirStore;
pub use store_http::HttpStore;
