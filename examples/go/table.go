package main

import (
	"encoding/json"
	"net/http"
	"sync"
)

// Pair is the order of truth: greater is newer, equal is the same step.
type Pair [2]int64

func (p Pair) After(other Pair) bool {
	return p[0] > other[0] || p[0] == other[0] && p[1] > other[1]
}

type Amount struct {
	Value    string  `avro:"value" json:"value"`
	Currency *string `avro:"currency" json:"currency"`
}

type Payment struct {
	Incarnation   int64   `avro:"incarnation" json:"incarnation"`
	StatusVersion int64   `avro:"statusVersion" json:"statusVersion"`
	Status        string  `avro:"status" json:"status"`
	Finality      string  `avro:"finality" json:"finality"`
	Kind          string  `avro:"kind" json:"kind"`
	Amount        *Amount `avro:"amount" json:"amount"`
}

func (p Payment) Pair() Pair { return Pair{p.Incarnation, p.StatusVersion} }

// Table has the newest state of every payment, and the steps that were acted on since the start. It serves them as JSON.
type Table struct {
	mutex    sync.RWMutex
	payments map[string]Payment
	steps    map[string][]Pair
}

func NewTable() *Table {
	return &Table{payments: map[string]Payment{}, steps: map[string][]Pair{}}
}

// Put ignores a payment that is older than what it has. Equal is not: its details may be newer.
func (t *Table) Put(key string, payment Payment) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if known, ok := t.payments[key]; !ok || !known.Pair().After(payment.Pair()) {
		t.payments[key] = payment
	}
}

func (t *Table) Forget(key string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.payments, key)
}

func (t *Table) Stepped(key string, step Pair) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.steps[key] = append(t.steps[key], step)
}

type row struct {
	PaymentKey string `json:"paymentKey"`
	Payment
	Steps []Pair `json:"steps"`
}

// ServeHTTP answers with a line per payment, or with one payment: /payments?key=…
func (t *Table) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	response.Header().Set("content-type", "application/jsonl")
	encoder := json.NewEncoder(response)
	write := func(key string, payment Payment) {
		_ = encoder.Encode(row{key, payment, append([]Pair{}, t.steps[key]...)})
	}
	if key := request.URL.Query().Get("key"); key != "" {
		payment, ok := t.payments[key]
		if !ok {
			http.Error(response, "no such payment", http.StatusNotFound)
			return
		}
		write(key, payment)
		return
	}
	for key, payment := range t.payments {
		write(key, payment)
	}
}
