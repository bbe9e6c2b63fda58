package main

import (
	"io"
	"log/slog"

	"github.com/branchline/branchline/internal/config"
)

// newLogger returns the program's log as the settings want it.
func newLogger(s config.Log, out io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.Level}
	if s.Format == config.JSON {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}
