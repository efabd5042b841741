// Kafka's own SASL code and Java's certificate code, driven by lines of text: `../java.rs` asks, this answers.
// Run as `java -cp 'kafka-clients.jar:slf4j-api.jar' Peer.java`. All words but the command are UTF-8 in hex, `-` is none.

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.security.cert.*;
import java.util.*;
import javax.security.auth.callback.*;
import javax.security.sasl.*;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.security.authenticator.CredentialCache;
import org.apache.kafka.common.security.plain.PlainAuthenticateCallback;
import org.apache.kafka.common.security.plain.internals.PlainSaslServer;
import org.apache.kafka.common.security.scram.*;
import org.apache.kafka.common.security.scram.internals.*;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache;

public class Peer {
    static SaslClient client;
    static SaslServer server;

    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            try {
                out.println(answer(words));
            } catch (SaslException | SaslAuthenticationException e) {
                out.println("fail " + e.getMessage());
            }
        }
    }

    static String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "subject": {
                var certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(bytes(words[1])));
                return certificate.getSubjectX500Principal().getName();
            }
            case "credential": { // mechanism password iterations
                var formatter = new ScramFormatter(ScramMechanism.forMechanismName(text(words[1])));
                var credential = formatter.generateCredential(text(words[2]), Integer.parseInt(text(words[3])));
                return ScramCredentialUtils.credentialToString(credential);
            }
            case "client": { // mechanism user password [extension]
                client = new ScramSaslClient(ScramMechanism.forMechanismName(text(words[1])), callbacks -> {
                    for (Callback callback : callbacks) {
                        if (callback instanceof NameCallback c) c.setName(text(words[2]));
                        else if (callback instanceof PasswordCallback c) c.setPassword(text(words[3]).toCharArray());
                        else if (callback instanceof ScramExtensionsCallback c && words.length > 4)
                            c.extensions(Map.of(text(words[4]).split("=")[0], text(words[4]).split("=")[1]));
                    }
                });
                return "send " + hex(client.evaluateChallenge(new byte[0]));
            }
            case "challenge": {
                byte[] token = client.evaluateChallenge(bytes(words[1]));
                return client.isComplete() ? "done -" : "send " + hex(token);
            }
            case "scram-server": { // mechanism user credential
                var mechanism = ScramMechanism.forMechanismName(text(words[1]));
                var cache = new CredentialCache().createCache(mechanism.mechanismName(), ScramCredential.class);
                cache.put(text(words[2]), ScramCredentialUtils.credentialFromString(text(words[3])));
                var handler = new ScramServerCallbackHandler(cache, new DelegationTokenCache(List.of()));
                handler.configure(Map.of(), mechanism.mechanismName(), List.of());
                server = new ScramSaslServer(mechanism, Map.of(), handler);
                return "ok";
            }
            case "plain-server": { // user password
                server = new PlainSaslServer(callbacks -> {
                    String name = null;
                    for (Callback callback : callbacks) {
                        if (callback instanceof NameCallback c) name = c.getDefaultName();
                        else if (callback instanceof PlainAuthenticateCallback c)
                            c.authenticated(text(words[1]).equals(name) && text(words[2]).equals(new String(c.password())));
                    }
                });
                return "ok";
            }
            case "response": {
                byte[] token = server.evaluateResponse(bytes(words[1]));
                return (server.isComplete() ? "done " + hex(server.getAuthorizationID().getBytes(StandardCharsets.UTF_8)) + " " : "send ")
                    + hex(token);
            }
            default:
                throw new SaslException("unknown command");
        }
    }

    static byte[] bytes(String hex) {
        return hex.equals("-") ? new byte[0] : HexFormat.of().parseHex(hex);
    }

    static String text(String hex) {
        return new String(bytes(hex), StandardCharsets.UTF_8);
    }

    static String hex(byte[] bytes) {
        return bytes == null || bytes.length == 0 ? "-" : HexFormat.of().formatHex(bytes);
    }
}
