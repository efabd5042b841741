// Record batches as Apache Kafka's own code writes and reads them.
//
//   java -cp "$KAFKA_LIBS/*" scripts/RecordVectors.java write DIR    writes one file for each kind of batch: the fuzz
//                                                                    seeds java-* in fuzz/corpus/record_batch
//   java -cp "$KAFKA_LIBS/*" scripts/RecordVectors.java read FILE..  checks CRCs, prints every record
//
// KAFKA_LIBS is a folder with kafka-clients 4.3 and what it needs: see scripts/kafka.

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;

class RecordVectors {
    static final long TIME = 1_700_000_000_000L;

    public static void main(String[] args) throws Exception {
        if (args[0].equals("write")) {
            write(Path.of(args[1]));
        } else {
            for (String file : List.of(args).subList(1, args.length)) {
                read(Path.of(file));
            }
        }
    }

    static byte[] edek(int n) {
        byte[] edek = new byte[102];
        for (int i = 0; i < edek.length; i++) {
            edek[i] = (byte) (i * 31 ^ n);
        }
        return edek;
    }

    static byte[] join(byte[] a, byte[] b) {
        return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array();
    }

    static Header header(String name, byte[] value) {
        return new RecordHeader(name, value);
    }

    static SimpleRecord[] records() {
        byte[] sevens = new byte[300];
        java.util.Arrays.fill(sevens, (byte) 7);
        return new SimpleRecord[] {
            new SimpleRecord(TIME, "key".getBytes(), sevens, new Header[] {header("nu.edek", edek(0))}),
            new SimpleRecord(TIME + 1, null, new byte[0],
                new Header[] {header("before", null), header("nu.edek", edek(1)), header("after", new byte[] {'x'})}),
            new SimpleRecord(TIME + 2, new byte[0], null,
                new Header[] {header("h", new byte[] {1}), header("h", new byte[] {2}), header("nu.edek", join(edek(2), edek(3)))}),
            new SimpleRecord(TIME + 3, "plain".getBytes(), "text".getBytes(), new Header[0]),
        };
    }

    static SimpleRecord[] recordsWithoutHeaders() {
        return new SimpleRecord[] {new SimpleRecord(TIME, "key".getBytes(), "value".getBytes())};
    }

    static void write(Path dir) throws Exception {
        put(dir, "none", MemoryRecords.withRecords(Compression.NONE, records()));
        put(dir, "gzip", MemoryRecords.withRecords(Compression.gzip().build(), records()));
        put(dir, "snappy", MemoryRecords.withRecords(Compression.snappy().build(), records()));
        put(dir, "lz4", MemoryRecords.withRecords(Compression.lz4().build(), records()));
        put(dir, "zstd", MemoryRecords.withRecords(Compression.zstd().build(), records()));
        put(dir, "zstd-22", MemoryRecords.withRecords(Compression.zstd().level(22).build(), records()));
        put(dir, "transaction", MemoryRecords.withTransactionalRecords(Compression.lz4().build(), 7, (short) 3, 11, records()));
        put(dir, "control", MemoryRecords.withEndTransactionMarker(7, (short) 3, new EndTransactionMarker(ControlRecordType.COMMIT, 5)));
        put(dir, "magic-0", MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V0, Compression.gzip().build(), recordsWithoutHeaders()));
        put(dir, "magic-1", MemoryRecords.withRecords(RecordBatch.MAGIC_VALUE_V1, Compression.NONE, recordsWithoutHeaders()));
        ByteBuffer empty = ByteBuffer.allocate(61);
        DefaultRecordBatch.writeEmptyHeader(empty, (byte) 2, 7, (short) 3, 11, 100, 109, 5, TimestampType.CREATE_TIME, TIME, true, false);
        empty.flip();
        put(dir, "compacted-empty", MemoryRecords.readableRecords(empty));
    }

    static void put(Path dir, String name, MemoryRecords records) throws Exception {
        byte[] bytes = new byte[records.sizeInBytes()];
        records.buffer().duplicate().get(bytes);
        Files.write(dir.resolve("java-" + name), bytes);
    }

    static void read(Path file) throws Exception {
        System.out.println("# " + file.getFileName());
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(Files.readAllBytes(file))).batches()) {
            batch.ensureValid();
            System.out.println("batch " + batch.baseOffset() + ".." + batch.lastOffset() + " " + batch.compressionType().name
                + " control=" + batch.isControlBatch() + " transactional=" + batch.isTransactional());
            for (org.apache.kafka.common.record.internal.Record record : batch) {
                record.ensureValid();
                StringBuilder line = new StringBuilder()
                    .append(record.offset()).append(' ').append(record.timestamp())
                    .append(" key=").append(hex(record.key())).append(" value=").append(hex(record.value()));
                for (Header header : record.headers()) {
                    line.append(' ').append(header.key()).append('=').append(header.value() == null ? "null" : HexFormat.of().formatHex(header.value()));
                }
                System.out.println(line);
            }
        }
    }

    static String hex(ByteBuffer buffer) {
        if (buffer == null) {
            return "null";
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
