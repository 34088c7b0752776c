package main

import (
	"context"
	"fmt"
	"log"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Reader puts the records of `current` into the table and acts on those of `changes`.
type Reader struct {
	table    *Table
	payments *Decoder[Payment]
	changes  *Decoder[Change]
	// The last step of every payment that needs no more action. It outlives the payment, because a record of `changes` may be read
	// after the tombstone in `current`.
	done map[string]Pair
	// By partition of `current`: where it ended at the start, until it is read up to there.
	missing map[int32]int64
}

func (r *Reader) Read(ctx context.Context, fetches kgo.Fetches) error {
	for _, failure := range fetches.Errors() {
		return fmt.Errorf("%s[%d]: %w", failure.Topic, failure.Partition, failure.Err)
	}
	for records := fetches.RecordIter(); !records.Done(); {
		record := records.Next()
		if err := r.read(ctx, record); err != nil {
			return fmt.Errorf("cannot read %s: %w", where(record), err)
		}
	}
	return nil
}

func (r *Reader) read(ctx context.Context, record *kgo.Record) error {
	if record.Topic == changes {
		if record.Attrs.IsControl() {
			return nil
		}
		return r.act(ctx, record)
	}
	end, loading := r.missing[record.Partition]
	if loading && record.Offset+1 >= end {
		delete(r.missing, record.Partition)
	}
	if record.Attrs.IsControl() {
		return nil
	}
	return r.copy(ctx, record, loading && record.Offset < end)
}

func (r *Reader) copy(ctx context.Context, record *kgo.Record, loading bool) error {
	key := string(record.Key)
	if record.Value == nil {
		r.table.Forget(key)
		return nil
	}
	payment, err := r.payments.Decode(ctx, record.Value)
	if err != nil {
		return err
	}
	r.table.Put(key, payment)
	// At the start `current` says which steps are done. Later only `changes` does: `current` may be ahead of it.
	if loading {
		r.done[key] = payment.Pair()
	}
	return nil
}

func (r *Reader) act(ctx context.Context, record *kgo.Record) error {
	key := string(record.Key)
	done := r.done[key]
	if pair, ok := headerPair(record); ok && !pair.After(done) {
		return nil
	}
	change, err := r.changes.Decode(ctx, record.Value)
	if err != nil {
		return err
	}
	pair := Pair{change.Incarnation, change.StatusVersion}
	if !pair.After(done) {
		return nil
	}
	if next := (Pair{done[0], done[1] + 1}); pair != next && !(pair[0] != done[0] && pair[1] == 1) {
		log.Printf("steps of a payment are missing before %s: the table has their outcome", where(record))
	}
	onStep(key, change)
	r.done[key] = pair
	r.table.Stepped(key, pair)
	return nil
}

// headerPair is the pair without decoding the value, if the record has these headers: those of older releases lack them.
func headerPair(record *kgo.Record) (pair Pair, ok bool) {
	found := 0
	for _, header := range record.Headers {
		for i, name := range []string{"paystatus_incarnation", "paystatus_status_version"} {
			if header.Key == name {
				number, err := strconv.ParseInt(string(header.Value), 10, 64)
				if err != nil {
					return Pair{}, false
				}
				pair[i] = number
				found++
			}
		}
	}
	return pair, found == len(pair)
}

func where(record *kgo.Record) string {
	return fmt.Sprintf("%s[%d]@%d", record.Topic, record.Partition, record.Offset)
}
