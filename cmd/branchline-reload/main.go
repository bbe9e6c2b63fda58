// Command branchline-reload is `make dev`: it runs `branchline dev`, builds and
// starts it anew when a file of the Go side changes, and runs Vite's server for
// the web side, which reloads pages by itself.
//
// It looks at the files' times twice a second: 300 files cost a millisecond, and
// it works alike on every system.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const binary = "bin/branchline-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if _, err := os.Stat("web/node_modules/.bin/vite"); err == nil {
		// Not by npm, which would not hand the signal on.
		web := command(ctx, "./node_modules/.bin/vite")
		web.Dir = "web"
		if err := web.Start(); err != nil {
			return fmt.Errorf("start the web side: %w", err)
		}
		defer func() { _ = web.Wait() }()
	} else {
		fmt.Fprintln(os.Stderr, "The web side is not installed (make web), so only the Go side reloads.")
	}
	seen, err := newest(".")
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		child, stop := build(ctx)
		for unchanged := true; unchanged && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
			now, err := newest(".")
			if err != nil {
				return err
			}
			unchanged, seen = !now.After(seen), now
		}
		stop()
		if child != nil {
			_ = child.Wait() // it was told to stop; its own output says how that went
		}
	}
	return nil
}

// build builds the program and starts it. A program that does not build leaves
// the compiler's words on the terminal until the next change.
func build(ctx context.Context) (child *exec.Cmd, stop context.CancelFunc) {
	ctx, stop = context.WithCancel(ctx)
	if err := command(ctx, "go", "build", "-o", binary, "./cmd/branchline").Run(); err != nil {
		fmt.Fprintln(os.Stderr, "It does not build; waiting for a change.")
		return nil, stop
	}
	child = command(ctx, binary, "dev")
	if err := child.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, stop
	}
	return child, stop
}

// command returns a command that writes here and is asked to stop, not killed,
// when ctx ends.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// newest returns when a file of the Go side was last changed.
func newest(root string) (time.Time, error) {
	var latest time.Time
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it went while we looked
			return nil
		}
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", ".data", "bin", "node_modules", "dist"}, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".sql", ".graphqls", ".mod"}, filepath.Ext(path)) && entry.Name() != ".env" {
			return nil
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
		return nil
	})
	return latest, err
}
