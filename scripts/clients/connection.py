"""How a client reaches the cluster: from environment variables, never from a command line.

KAFKA_BOOTSTRAP (host:port,...), KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD,
KAFKA_CA_FILE (turns TLS on), KAFKA_CLIENT_CERT and KAFKA_CLIENT_KEY (PEM), KAFKA_ISOLATION.
"""

import os
import sys


def setting(name):
    return os.environ.get("KAFKA_" + name) or None


def security_protocol():
    return ("SASL_" if setting("SASL_MECHANISM") else "") + ("SSL" if setting("CA_FILE") else "PLAINTEXT")


def librdkafka():
    """The properties of librdkafka: kcat and confluent-kafka."""
    return given(
        {
            "bootstrap.servers": setting("BOOTSTRAP"),
            "security.protocol": security_protocol(),
            "sasl.mechanism": setting("SASL_MECHANISM"),
            "sasl.username": setting("SASL_USERNAME"),
            "sasl.password": setting("SASL_PASSWORD"),
            "ssl.ca.location": setting("CA_FILE"),
            "ssl.certificate.location": setting("CLIENT_CERT"),
            "ssl.key.location": setting("CLIENT_KEY"),
            "client.id": "nucypher-kafka-test",
        }
    )


def java():
    """The properties of Apache Kafka's own clients."""
    mechanism, module = setting("SASL_MECHANISM"), "scram.ScramLoginModule"
    if mechanism == "PLAIN":
        module = "plain.PlainLoginModule"
    identity = None
    if setting("CLIENT_CERT"):
        with open(setting("CLIENT_CERT")) as certificate, open(setting("CLIENT_KEY")) as key:
            identity = certificate.read(), key.read()
    return given(
        {
            "bootstrap.servers": setting("BOOTSTRAP"),
            "security.protocol": security_protocol(),
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": mechanism
            and f"org.apache.kafka.common.security.{module} required "
            f'username="{setting("SASL_USERNAME")}" password="{setting("SASL_PASSWORD")}";',
            "ssl.truststore.type": setting("CA_FILE") and "PEM",
            "ssl.truststore.location": setting("CA_FILE"),
            "ssl.keystore.type": identity and "PEM",
            "ssl.keystore.certificate.chain": identity and identity[0].replace("\n", "\\n"),
            "ssl.keystore.key": identity and identity[1].replace("\n", "\\n"),
            "client.id": "nucypher-kafka-test",
        }
    )


def given(properties):
    if not setting("BOOTSTRAP"):
        sys.exit("KAFKA_BOOTSTRAP is not set: host:port of the cluster")
    return {name: value for name, value in properties.items() if value is not None}


def octets(text):
    """Bytes from a record's text, one character a byte; null stays null."""
    return None if text is None else text.encode("latin-1")


def text(octets):
    return None if octets is None else octets.decode("latin-1")
