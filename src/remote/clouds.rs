//! The three kinds of buckets, opened: whose credentials, which server, how long to wait.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, RetryConfig};

use super::Tuning;
use super::address::{Address, Cloud};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How often the library tries a request again that failed or was turned away; time ends it before.
const RETRIES: usize = 10;
/// After how many silences it tries no more.
const SILENCES: u32 = 3;
/// For how long it tries at least: what is gone for a moment is often back by then.
const LEAST: Duration = Duration::from_secs(3);
/// How much longer a whole request may take while it writes than reading may be silent: the other side says nothing before it
/// has it all.
const WRITING: u32 = 5;

/// What a client is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// Answers may take as long as bytes come.
    Reading,
    /// Requests have a bound as a whole.
    Writing,
}

/// Opens a bucket, which reads the machine's certificates.
pub(super) fn open(
    address: &Address,
    cloud: &Cloud,
    tuning: &Tuning,
    purpose: Use,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let client = ClientOptions::new().with_connect_timeout(tuning.silence.min(CONNECT));
    let client = match purpose {
        Use::Reading => client
            .with_timeout_disabled()
            .with_read_timeout(tuning.silence),
        Use::Writing => client.with_timeout(tuning.silence * WRITING),
    };
    build(address, cloud, tuning, client)
}

fn build(
    address: &Address,
    cloud: &Cloud,
    tuning: &Tuning,
    client: ClientOptions,
) -> Result<Arc<dyn ObjectStore>, Error> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: RETRIES,
        retry_timeout: LEAST.max(tuning.silence * SILENCES),
    };
    let plain = |endpoint: &String| endpoint.starts_with("http://");
    let endpoint = address.endpoint.as_ref();
    let plain = endpoint.is_some_and(plain);
    // Where nothing is encrypted, no certificate is asked for, and reading the machine's takes longer than most requests.
    let client = client
        .with_allow_http(plain)
        .with_no_system_certificates(plain);
    Ok(match cloud {
        Cloud::S3 { bucket } => {
            let mut builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                // Not every server that speaks as S3 does removes many at once.
                .with_disable_bulk_delete(true)
                .with_retry(retry);
            if let Some(keys) = &tuning.keys {
                builder = builder
                    .with_access_key_id(&keys.id)
                    .with_secret_access_key(&keys.secret);
                if let Some(token) = &keys.token {
                    builder = builder.with_token(token);
                }
            }
            if let Some(region) = address.region.as_ref().or(tuning.region.as_ref()) {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint);
            }
            Arc::new(builder.with_client_options(client).build()?)
        }
        Cloud::Gcs { bucket } => {
            let mut builder = GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retry);
            if let Some(endpoint) = endpoint {
                builder = builder.with_base_url(endpoint);
            }
            Arc::new(builder.with_client_options(client).build()?)
        }
        Cloud::Azure { account, container } => {
            let mut builder = MicrosoftAzureBuilder::from_env()
                .with_account(account)
                .with_container_name(container)
                .with_retry(retry);
            if let Some(endpoint) = endpoint {
                builder = builder.with_endpoint(endpoint.clone());
            }
            Arc::new(builder.with_client_options(client).build()?)
        }
    })
}
