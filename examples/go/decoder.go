package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// Our own reader schemas: only the fields that this program uses, and the statuses that it knows. Avro skips the other fields of a
// record, and reads an unfamiliar status as UNKNOWN.
var (
	//go:embed payment.avsc
	paymentSchema string
	//go:embed change.avsc
	changeSchema string
)

// Decoder reads values in the framing of Confluent's serializers into a T.
type Decoder[T any] struct {
	reader   *avro.Schema
	registry *sr.Client
	resolved map[int]*avro.Schema
}

func NewDecoder[T any](reader string, registry *sr.Client) *Decoder[T] {
	return &Decoder[T]{avro.MustParse(reader), registry, map[int]*avro.Schema{}}
}

func (d *Decoder[T]) Decode(ctx context.Context, value []byte) (T, error) {
	var into T
	var header sr.ConfluentHeader
	id, body, err := header.DecodeID(value)
	if err != nil {
		return into, err
	}
	schema, err := d.schema(ctx, id)
	if err != nil {
		return into, fmt.Errorf("schema %d: %w", id, err)
	}
	_, err = schema.Decode(body, &into)
	return into, err
}

func (d *Decoder[T]) schema(ctx context.Context, id int) (*avro.Schema, error) {
	if known, ok := d.resolved[id]; ok {
		return known, nil
	}
	registered, err := d.registry.SchemaByID(ctx, id)
	if err != nil {
		return nil, err
	}
	writer, err := avro.Parse(registered.Schema)
	if err != nil {
		return nil, err
	}
	resolved, err := avro.Resolve(writer, d.reader)
	if err == nil {
		d.resolved[id] = resolved
	}
	return resolved, err
}
