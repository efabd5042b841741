//! Runs a gateway from a configuration file.
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let path = std::env::args().nth(1).unwrap();
    let config = nucypher_kafka::gateway::GatewayConfig::load(path.as_ref())
        .unwrap_or_else(|e| panic!("{e}"));
    let gateway =
        nucypher_kafka::gateway::Gateway::bind(config).await.unwrap_or_else(|e| panic!("{e}"));
    println!("{}", gateway.local_addr());
    gateway.run(async { tokio::signal::ctrl_c().await.unwrap() }).await;
}
