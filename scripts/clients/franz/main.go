// franz-go: one verb of scripts/clients/run.
//
//	franz topics | create TOPIC PARTITIONS | produce TOPIC CODEC | transactions TOPIC
//	franz fetch TOPIC COUNT | group TOPIC COUNT GROUP
//
// Records to produce come on standard input and fetched ones go to standard output, as records.py
// says. Settings are those of connection.py.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const timeout = 30 * time.Second

// record is a record as records.py writes it: text holds one character for each byte.
type record struct {
	Topic     string       `json:"topic"`
	Partition int32        `json:"partition"`
	Offset    int64        `json:"offset"`
	Timestamp int64        `json:"timestamp"`
	Key       *string      `json:"key"`
	Headers   [][2]*string `json:"headers"`
	Value     *string      `json:"value"`
}

func octets(text *string) []byte {
	if text == nil {
		return nil
	}
	bytes := make([]byte, 0, len(*text))
	for _, character := range *text {
		bytes = append(bytes, byte(character))
	}
	return bytes
}

func text(octets []byte) *string {
	if octets == nil {
		return nil
	}
	characters := make([]rune, len(octets))
	for i, octet := range octets {
		characters[i] = rune(octet)
	}
	joined := string(characters)
	return &joined
}

func setting(name string) string { return os.Getenv("KAFKA_" + name) }

func connect(more ...kgo.Opt) (*kgo.Client, error) {
	if setting("BOOTSTRAP") == "" {
		return nil, errors.New("KAFKA_BOOTSTRAP is not set: host:port of the cluster")
	}
	options := append([]kgo.Opt{
		kgo.SeedBrokers(strings.Split(setting("BOOTSTRAP"), ",")...),
		kgo.ClientID("nucypher-kafka-test"),
	}, more...)
	user, password := setting("SASL_USERNAME"), setting("SASL_PASSWORD")
	switch setting("SASL_MECHANISM") {
	case "PLAIN":
		options = append(options, kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()))
	case "SCRAM-SHA-256":
		options = append(options, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		options = append(options, kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()))
	}
	if file := setting("CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{RootCAs: x509.NewCertPool()}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
		if setting("CLIENT_CERT") != "" {
			identity, err := tls.LoadX509KeyPair(setting("CLIENT_CERT"), setting("CLIENT_KEY"))
			if err != nil {
				return nil, err
			}
			config.Certificates = []tls.Certificate{identity}
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	return kgo.NewClient(options...)
}

func inputRecords() ([]record, error) {
	var records []record
	for decoder := json.NewDecoder(os.Stdin); decoder.More(); {
		var r record
		if err := decoder.Decode(&r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

func send(ctx context.Context, client *kgo.Client, topic string, records []record) error {
	var batch []*kgo.Record
	for _, r := range records {
		sent := &kgo.Record{
			Topic:     topic,
			Partition: r.Partition,
			Timestamp: time.UnixMilli(r.Timestamp),
			Key:       octets(r.Key),
			Value:     octets(r.Value),
		}
		for _, header := range r.Headers {
			sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: *header[0], Value: octets(header[1])})
		}
		batch = append(batch, sent)
	}
	return client.ProduceSync(ctx, batch...).FirstErr()
}

func topics(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		return err
	}
	names := listed.Names()
	sort.Strings(names)
	fmt.Println(strings.Join(names, "\n"))
	return nil
}

func create(ctx context.Context, operands []string) error {
	partitions, err := strconv.ParseInt(operands[1], 10, 32)
	if err != nil {
		return err
	}
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	// The records' timestamps lie in the past: keep them for ever.
	config := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	answer, err := kadm.NewClient(client).CreateTopic(ctx, int32(partitions), -1, config, operands[0])
	return errors.Join(err, answer.Err)
}

func produce(ctx context.Context, operands []string) error {
	codec := map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}[operands[1]]
	records, err := inputRecords()
	if err != nil {
		return err
	}
	client, err := connect(
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(50*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	return send(ctx, client, operands[0], records)
}

func transactions(ctx context.Context, operands []string) error {
	records, err := inputRecords()
	if err != nil {
		return err
	}
	client, err := connect(
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.TransactionalID(fmt.Sprintf("%s-%d", operands[0], time.Now().UnixNano())),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		if err := send(ctx, client, operands[0], records); err != nil {
			return err
		}
		if err := client.EndTransaction(ctx, end); err != nil {
			return err
		}
	}
	return nil
}

func read(ctx context.Context, count string, options ...kgo.Opt) (*kgo.Client, error) {
	missing, err := strconv.Atoi(count)
	if err != nil {
		return nil, err
	}
	if setting("ISOLATION") == "read_committed" {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := connect(append(options, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, err
	}
	output := json.NewEncoder(os.Stdout)
	for missing > 0 {
		fetches := client.PollRecords(ctx, missing)
		if err := fetches.Err(); err != nil {
			return client, fmt.Errorf("%d records did not arrive: %w", missing, err)
		}
		for _, r := range fetches.Records() {
			missing--
			shown := record{
				Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(),
				Key: text(r.Key), Headers: [][2]*string{}, Value: text(r.Value),
			}
			for _, header := range r.Headers {
				shown.Headers = append(shown.Headers, [2]*string{&header.Key, text(header.Value)})
			}
			if err := output.Encode(shown); err != nil {
				return client, err
			}
		}
	}
	return client, nil
}

func fetch(ctx context.Context, operands []string) error {
	client, err := read(ctx, operands[1], kgo.ConsumeTopics(operands[0]))
	if client != nil {
		client.Close()
	}
	return err
}

func group(ctx context.Context, operands []string) error {
	topic, name := operands[0], operands[2]
	client, err := read(ctx, operands[1], kgo.ConsumeTopics(topic), kgo.ConsumerGroup(name), kgo.DisableAutoCommit())
	if client != nil {
		defer client.Close()
	}
	if err != nil {
		return err
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		return err
	}
	committed, err := kadm.NewClient(client).FetchOffsets(ctx, name)
	if err != nil {
		return err
	}
	committed.Each(func(o kadm.OffsetResponse) {
		fmt.Printf("{\"topic\": %q, \"partition\": %d, \"committed\": %d}\n", o.Topic, o.Partition, o.At)
	})
	return committed.Error()
}

func main() {
	verbs := map[string]func(context.Context, []string) error{
		"topics": topics, "create": create, "produce": produce,
		"transactions": transactions, "fetch": fetch, "group": group,
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := verbs[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "franz-go %s: %v\n", os.Args[1], err)
		cancel()
		os.Exit(1)
	}
}
