//! What Kafka stores and what a gateway holds in memory: neither a plaintext nor a DEK.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use nucypher_envelope::Edek;
use nucypher_kafka::client::{Connection, OpenedRecord};
use nucypher_pre::{SecretKey, Suite};

use crate::{
    authority::{Authority, consumer_key},
    clients::{opening_consumer, receive, seal_all, sealing_producer},
    cluster::{Cluster, unique, within},
    gateway::{OwnProcess, behind, free_ports, listener_at},
    wire::{self, Wire},
};

/// The DEK of a record that arrived for this key, worked out here from the specification.
fn dek(record: &OpenedRecord, key: &SecretKey) -> [u8; 32] {
    let header = record.envelope.iter().find(|header| header.name == "nu.edek").unwrap();
    let edek = Edek::parse(header.value.as_deref().unwrap()).unwrap();
    let precursor = edek.precursor().unwrap().expect("a non-interactive grant");
    let shared = key.decapsulate_delegated(&edek.capsule().unwrap(), &precursor).unwrap();
    let (suite, slot, id) = ([edek.suite().as_byte()], [edek.slot()], edek.delegating_id());
    let info: [&[u8]; 4] = [b"nucypher/v1/dek", &suite, &slot, id.as_bytes()];
    let okm = shared.expand::<48>(&info);
    // The control: it is the DEK, and not just any 32 bytes.
    assert_eq!(okm[32..], edek.commitment());
    okm[..32].try_into().unwrap()
}

/// How often each needle lies in these bytes; counts are added.
fn count(haystack: &[u8], needles: &[(String, Vec<u8>)], found: &mut [usize]) {
    for (at, &byte) in haystack.iter().enumerate() {
        for (index, (_, needle)) in needles.iter().enumerate() {
            if byte == needle[0] && haystack[at..].starts_with(needle) {
                found[index] += 1;
            }
        }
    }
}

/// Searches every file under a folder.
fn search_files(folder: &Path, needles: &[(String, Vec<u8>)], found: &mut [usize]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_files(&path, needles, found);
        } else if let Ok(bytes) = fs::read(&path) {
            // Kafka reserves indexes of 10 MiB that are empty but for their beginning.
            let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            count(&bytes[..end], needles, found);
        }
    }
}

/// Searches all readable memory of a process; gives how many bytes that were.
fn search_memory(pid: u32, needles: &[(String, Vec<u8>)], found: &mut [usize]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut total = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let (from, to) =
            (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        // Needles that cross two pieces would be missed: pieces overlap.
        const PIECE: usize = 8 << 20;
        let overlap = needles.iter().map(|needle| needle.1.len()).max().unwrap() - 1;
        let mut at = from;
        while at < to {
            let length = usize::try_from(to - at).unwrap().min(PIECE + overlap);
            let mut piece = vec![0; length];
            memory.seek(SeekFrom::Start(at)).unwrap();
            if memory.read_exact(&mut piece).is_ok() {
                // Pages that were never touched are zeros, and most of a thread's stack is.
                if piece.iter().any(|&byte| byte != 0) {
                    count(&piece, needles, found);
                }
                total += length;
            }
            at += PIECE as u64;
        }
    }
    total
}

fn assert_absent(place: &str, needles: &[(String, Vec<u8>)], found: &[usize]) {
    for ((name, _), found) in needles.iter().zip(found) {
        if let Some(name) = name.strip_prefix("control: ") {
            assert!(*found > 0, "{place}: {name} is there, but the search does not find it");
        } else {
            assert_eq!(*found, 0, "{place} contains {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Apache Kafka: scripts/integration"]
async fn neither_the_brokers_nor_the_gateway_hold_a_plaintext_or_a_dek() {
    let cluster = Cluster::shared().await;
    within(async {
        for suite in [Suite::Bbs98, Suite::Ecies] {
            let authority = Authority::new();
            let topic = unique("secret");
            cluster.topic(&topic, 1).await;
            let channel = authority.channel(&unique("channel"), suite, &[&topic]);
            let alice = consumer_key(suite);
            authority.grant(&channel, "alice", alice.public_key());
            let (writers, readers) = (free_ports(), free_ports());
            let fixed = |name: &str, port| {
                let identity = format!("{{ kind = \"fixed\", principal = \"User:{name}\" }}");
                listener_at(name, &identity, port + 9, port - 1)
                    .replace("last = 9", "first = 1, last = 8")
            };
            let config = behind(&cluster.bootstrap)
                + &authority.section()
                + &fixed("producer", writers)
                + &fixed("alice", readers);
            let gateway = OwnProcess::start(authority.path(), &config, readers + 9).await;

            let marker = unique("the plaintext of a record");
            let sent: Vec<String> = (0..200).map(|n| format!("{marker} {n} {marker}")).collect();
            let connection = Connection::plaintext(format!("127.0.0.1:{}", writers + 9));
            let writer = sealing_producer(connection, &topic, authority.sealing(&channel));
            seal_all(&writer, &topic, 1, &sent).await;
            let connection = Connection::plaintext(format!("127.0.0.1:{}", readers + 9));
            let reader = opening_consumer(connection, &topic, 1, &channel, &alice);
            let records: Vec<_> =
                receive(&reader, 200).await.into_iter().map(|outcome| outcome.opened()).collect();
            assert!(
                records.iter().all(|one| one
                    .value
                    .as_deref()
                    .unwrap()
                    .starts_with(marker.as_bytes()))
            );
            let mut deks: Vec<_> = records.iter().map(|record| dek(record, &alice)).collect();
            deks.dedup();

            let mut needles = vec![
                (format!("control: the topic's name {topic}"), topic.clone().into_bytes()),
                ("a plaintext".to_owned(), marker.clone().into_bytes()),
                ("the consumer's private key".to_owned(), alice.to_bytes().to_vec()),
            ];
            needles.extend(deks.iter().map(|dek| ("a DEK".to_owned(), dek.to_vec())));
            // Whole structures are written by halves, and halves would betray it too.
            needles.extend(deks.iter().map(|dek| ("half a DEK".to_owned(), dek[..16].to_vec())));

            let mut found = vec![0; needles.len()];
            let total = search_memory(gateway.pid(), &needles, &mut found);
            assert!(total > 1 << 20, "only {total} bytes were readable");
            assert_absent("the gateway's memory", &needles, &found);

            let key = ("control: a record's key".to_owned(), b"key-199".to_vec());
            needles.push(key);
            let mut found = vec![0; needles.len()];
            search_files(&cluster.dir, &needles, &mut found);
            assert_absent("the brokers' disk", &needles, &found);

            let stored =
                Wire::connect(&wire::leader(&cluster.bootstrap, &topic)).fetch(&[&topic], 0, 100);
            let records = wire::partition_of(&stored, &topic).records.clone().unwrap();
            let mut found = vec![0; needles.len()];
            needles[0].0 = "not in a batch".to_owned();
            count(&records, &needles, &mut found);
            assert_absent("what is fetched from a broker", &needles, &found);
            gateway.terminate().await;
        }
    })
    .await;
}
