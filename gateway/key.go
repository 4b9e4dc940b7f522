package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nyota/sessions"
)

// keyCommand makes the keys that seal secrets.
func keyCommand() *cobra.Command {
	parent := &cobra.Command{Use: "key", Short: "Keys that seal PINs at rest"}
	parent.AddCommand(&cobra.Command{
		Use: "new FILE", Short: "Make a new random key in a new file, mode 0600", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := sessions.CreateKey(args[0])
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s is there already: a key is never overwritten; choose another name", args[0])
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has a new key. Copy it to every gateway on the store before one of them seals with it.\n", args[0])
			return nil
		},
	})
	return parent
}
