package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/store"
)

func newMigrateCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or look after it",
		Long: `Applies and undoes the migrations that are built into this program, on the database
at DATABASE_URL. Several processes may do it at once: one works, the others wait.`,
	})
	// Alone it is nothing that a script may take for done.
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.SetOut(cmd.ErrOrStderr())
		if err := cmd.Help(); err != nil {
			return err
		}
		return wrongUsage{errors.New("\nthe command is missing. Choose up, down, status or create")}
	}
	cmd.AddCommand(newMigrateUpCommand(), newMigrateDownCommand(), newMigrateStatusCommand(), newMigrateCreateCommand())
	return cmd
}

func newMigrateUpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Apply the migrations that the database lacks",
		Args:  exactly(),
		RunE: withDatabase(func(ctx context.Context, cmd *cobra.Command, db *store.DB) error {
			done, err := db.Migrate(ctx)
			for _, name := range done { // also those before one that did not work
				fmt.Fprintln(cmd.OutOrStdout(), "applied "+name)
			}
			if err == nil && len(done) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "The database is up to date.")
			}
			return err
		}),
	}
}

func newMigrateDownCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Undo the last migration, with what its tables hold",
		Long: `Undoes the last migration, with what its tables hold. On a terminal it asks first,
unless --yes says so already.`,
		Args: exactly(),
		RunE: withDatabase(func(ctx context.Context, cmd *cobra.Command, db *store.DB) error {
			if !yes {
				if err := confirmDown(ctx, cmd, db); err != nil {
					return err
				}
			}
			name, err := db.MigrateDown(ctx)
			switch {
			case err != nil:
				return err
			case name == "":
				fmt.Fprintln(cmd.OutOrStdout(), "The database has no migration to undo.")
			default:
				fmt.Fprintln(cmd.OutOrStdout(), "undone "+name)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirmDown asks whether the last migration is to be undone, if there is one.
func confirmDown(ctx context.Context, cmd *cobra.Command, db *store.DB) error {
	list, err := db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Applied {
			return confirmed(ctx, cmd, "This undoes "+list[i].Name+", and what its tables hold is lost.")
		}
	}
	return nil
}

func newMigrateStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the migrations and which of them the database has",
		Args:  exactly(),
		RunE: withDatabase(func(ctx context.Context, cmd *cobra.Command, db *store.DB) error {
			list, err := db.MigrationStatus(ctx)
			if err != nil {
				return err
			}
			for _, m := range list {
				state := "missing"
				if m.Applied {
					state = "applied"
				}
				fmt.Fprintln(cmd.OutOrStdout(), state+" "+m.Name)
			}
			return nil
		}),
	}
}

// withDatabase returns a command's function that calls fn with the database at
// DATABASE_URL.
func withDatabase(fn func(ctx context.Context, cmd *cobra.Command, db *store.DB) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		loaded, err := loadSettings(cmd, config.Migrate)
		if err != nil {
			return err
		}
		db, err := store.Open(cmd.Context(), loaded.Database.URL.Reveal(), store.Options{MaxConns: 2})
		if err != nil {
			return err
		}
		return errors.Join(fn(cmd.Context(), cmd, db), db.Close())
	}
}

func newMigrateCreateCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Begin a migration: write a numbered pair of SQL files",
		Long:    `Writes a pair of empty SQL files, one that changes the schema and one that changes it back. They are built into the program with the next build.`,
		Example: `  branchline migrate create tree_owners`,
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := createMigration(folder, args[0], time.Now())
			for _, file := range files {
				fmt.Fprintln(cmd.OutOrStdout(), "wrote "+file)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "migrations", "where the migrations are")
	return cmd
}

var migrationName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// createMigration writes a pair of SQL files whose number comes after all others
// in the folder, and returns their paths. The number is the day and a count, so
// that two branches rarely take the same one.
func createMigration(folder, name string, now time.Time) ([]string, error) {
	if !migrationName.MatchString(name) {
		return nil, wrongUsage{fmt.Errorf("the name %q cannot be used. Write small letters, digits and underscores, like tree_owners", name)}
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s here. Run this in the project's own folder, or name the one with the migrations by --folder", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	year, month, day := now.UTC().Date()
	number := int64(year*10_000+int(month)*100+day)*1_000_000 + 1
	for _, entry := range entries {
		digits, _, _ := strings.Cut(entry.Name(), "_")
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n >= number {
			number = n + 1
		}
	}
	var files []string
	for _, half := range []struct{ suffix, text string }{
		{".tx.up.sql", "-- " + name + ": say what changes, and why.\n"},
		{".tx.down.sql", "-- " + name + ": undo it, the last change first.\n"},
	} {
		path := filepath.Join(folder, fmt.Sprintf("%d_%s%s", number, name, half.suffix))
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return files, fmt.Errorf("write the migration: %w", err)
		}
		_, err = file.WriteString(half.text)
		if err := errors.Join(err, file.Close()); err != nil {
			return files, fmt.Errorf("write the migration: %w", err)
		}
		files = append(files, path)
	}
	return files, nil
}
