// A service that knows the status of every payment, and acts on every step, by the rules of docs/consumers.md.
//
// It keeps everything in memory: at every start it reads `current` from the beginning and then follows `changes` from where `changes`
// ended before. The steps while it is down are in the table, but it does not act on them.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

var (
	brokers  = strings.Split(env("KAFKA_BROKERS", "localhost:9092"), ",")
	registry = env("SCHEMA_REGISTRY_URL", "http://localhost:8081")
	changes  = env("CHANGES_TOPIC", "payments.status.changes")
	current  = env("CURRENT_TOPIC", "payments.status.current")
	listen   = env("LISTEN", "127.0.0.1:8080")
)

type Change struct {
	Incarnation   int64 `avro:"incarnation"`
	StatusVersion int64 `avro:"statusVersion"`
	StatusChanged bool  `avro:"statusChanged"`
}

// onStep is your code: called for every step, in order per payment.
func onStep(key string, change Change) {
	if change.StatusChanged {
		log.Printf("%s has another status since version %d", key, change.StatusVersion)
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	table := NewTable()
	server := &http.Server{Addr: listen, Handler: table, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- server.ListenAndServe() }()
	go func() { failed <- follow(ctx, table) }()
	err := <-failed
	shutdown, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(shutdown)
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

// follow returns when the context is canceled, or at the first record that cannot be read: nothing is skipped.
func follow(ctx context.Context, table *Table) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // The last entry of a partition is the marker of a transaction: only with it do we see the end.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	registryClient, err := sr.NewClient(sr.URLs(registry))
	if err != nil {
		return err
	}
	reader := &Reader{
		table:    table,
		payments: NewDecoder[Payment](paymentSchema, registryClient),
		changes:  NewDecoder[Change](changeSchema, registryClient),
		done:     map[string]Pair{},
		missing:  map[int32]int64{},
	}

	// The order matters, and the kind of end: first what a read_committed consumer sees of `changes`, then all of `current`.
	admin := kadm.NewClient(client)
	changesEnds, err1 := admin.ListCommittedOffsets(ctx, changes)
	currentEnds, err2 := admin.ListEndOffsets(ctx, current)
	currentStarts, err3 := admin.ListStartOffsets(ctx, current)
	if err := errors.Join(err1, err2, err3, changesEnds.Error(), currentEnds.Error(), currentStarts.Error()); err != nil {
		return err
	}
	currentEnds.Each(func(end kadm.ListedOffset) {
		if start, _ := currentStarts.Lookup(current, end.Partition); start.Offset < end.Offset {
			reader.missing[end.Partition] = end.Offset
		}
	})
	client.AddConsumePartitions(currentStarts.KOffsets())
	for len(reader.missing) > 0 {
		if err := reader.Read(ctx, client.PollFetches(ctx)); err != nil {
			return err
		}
	}
	client.AddConsumePartitions(changesEnds.KOffsets())
	for {
		if err := reader.Read(ctx, client.PollFetches(ctx)); err != nil {
			return err
		}
	}
}

func env(name, otherwise string) string {
	return cmp.Or(os.Getenv(name), otherwise)
}
