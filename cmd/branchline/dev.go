package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/devdb"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/web"
)

// devFolder is where `branchline dev` keeps its cluster and its keys.
const devFolder = ".data"

func newDevCommand() *cobra.Command {
	var reset bool
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Try it: a private PostgreSQL, sample data, and everything switched on",
		Long: `Starts a private PostgreSQL in .data, or uses the database at DATABASE_URL, brings
it up to date, loads a demo account with sample trees where there is no account
yet, and serves. Ctrl-C stops all of it and keeps the data.

It is for trying and developing: the demo passwords are known to everybody, and
the sign-in cookie travels over plain http.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reset {
				return resetDev(cmd)
			}
			return dev(cmd)
		},
	}
	cmd.Flags().BoolVar(&reset, "reset", false, "throw the private database away, and stop")
	return cmd
}

func resetDev(cmd *cobra.Command) error {
	dir, err := filepath.Abs(filepath.Join(devFolder, "postgres"))
	if err != nil {
		return err
	}
	if err := devdb.Remove(cmd.Context(), dir); err != nil {
		if errors.Is(err, devdb.ErrInUse) {
			return errors.New("the database is in use. Stop the program that runs it first")
		}
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "The private database is gone. The next start makes a new one.")
	return nil
}

func dev(cmd *cobra.Command) error {
	ctx, out := cmd.Context(), cmd.ErrOrStderr()
	loaded, err := loadSettings(cmd, config.Dev)
	if err != nil {
		return err
	}
	s := loaded.Settings
	if s.Server.Keys.IsZero() {
		if s.Server.Keys, err = devKeys(filepath.Join(devFolder, "keys")); err != nil {
			return err
		}
	}
	if s.Database.URL.IsZero() {
		cluster, err := devCluster(ctx, out)
		if err != nil {
			return err
		}
		defer func() {
			if err := cluster.Stop(); err != nil {
				fmt.Fprintln(out, sentence(err))
			}
		}()
		address, err := cluster.EnsureDatabase(ctx, "branchline")
		if err != nil {
			return err
		}
		s.Database.URL = config.NewSecret(address)
	}

	p, err := assemble(ctx, s, newLogger(s.Log, out))
	if err != nil {
		return err
	}
	defer p.close()
	applied, err := p.db.Migrate(ctx)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		fmt.Fprintf(out, "The database has %d new migrations.\n", len(applied))
	}
	made, err := p.loadDemo(ctx)
	if err != nil {
		return fmt.Errorf("load the sample data: %w", err)
	}
	return p.serve(ctx, func() { welcome(cmd.OutOrStdout(), s, made) })
}

// devCluster starts the private cluster, and installs PostgreSQL first where
// there is none.
func devCluster(ctx context.Context, out io.Writer) (*devdb.Cluster, error) {
	if _, err := devdb.Ensure(ctx, out, devdb.FindOptions{}, devdb.InstallOptions{}); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Join(devFolder, "postgres"))
	if err != nil {
		return nil, err
	}
	return devdb.Start(ctx, devdb.Options{Dir: dir, Durable: true, Adopt: true, Out: out})
}

// devKeys reads the key ring of this checkout, and makes one first where there
// is none. Only this user can read the file.
func devKeys(file string) (config.Secret, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return config.NewSecret(strings.TrimSpace(string(text))), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return config.Secret{}, fmt.Errorf("read the key ring: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return config.Secret{}, fmt.Errorf("make a key ring: %w", err)
	}
	ring := string(login.NewKey())
	if err := os.WriteFile(file, []byte(ring+"\n"), 0o600); err != nil {
		return config.Secret{}, fmt.Errorf("make a key ring: %w", err)
	}
	return config.NewSecret(ring), nil
}

// welcome says where to go and whom to sign in as.
func welcome(out io.Writer, s config.Settings, demo bool) {
	address := string(s.Server.PublicURL)
	fmt.Fprintf(out, "\nBranchline is ready.\n\n  web app    %s\n  explorer   %s/api/docs\n  reference  %s/api/reference\n  API        %s/graphql\n", address, address, address, address)
	if !web.Embedded() {
		fmt.Fprint(out, "\nThe web app and the explorer were not built. They need Node 20.19+ or 22.12+: make build\n")
	}
	if demo {
		fmt.Fprintf(out, "\nDemo sign-ins, all with the password %q:\n\n", demoPassword)
		for _, person := range demoPeople {
			fmt.Fprintf(out, "  %-9s  %s\n", strings.ToLower(string(person.role)), person.email)
		}
	}
	fmt.Fprint(out, "\nCtrl-C stops it.\n\n")
}
