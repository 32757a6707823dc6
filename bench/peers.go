package main

import (
	"context"
)

// A peer is an operation of another library, measured in turn with ours.
type peer struct {
	What       string  `json:"what"`
	Structures int     `json:"structures,omitempty"`
	Peer       string  `json:"peer"`
	Ours       float64 `json:"ns_per_op"`
	Theirs     float64 `json:"peer_ns_per_op"`
	Ratio      spread  `json:"ratio"` // ours to the peer's
}

func checkPeers() error { return nil }

func (w *workbench) measurePeers(ctx context.Context, rep *report) error { return nil }
