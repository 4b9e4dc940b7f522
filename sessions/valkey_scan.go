package sessions

import (
	"context"
	"fmt"
	"strings"

	"github.com/valkey-io/valkey-go"
)

// Discrepancy is as Store's.
func (v *Valkey) Discrepancy(ctx context.Context, msisdn, id string) (Discrepancy, error) {
	if err := checkMSISDN(msisdn); err != nil {
		return Discrepancy{}, err
	}
	if err := checkPart("the discrepancy's id", id, 0); err != nil {
		return Discrepancy{}, err
	}
	var d Discrepancy
	row, err := v.get(ctx, v.recordKey(kindDiscrepancy, msisdn, id))
	if err == nil {
		err = d.decode(row)
	}
	return d, err
}

// Scan is as Store's. It walks all keys of every primary, in batches: its cost is
// that of the whole store, spread so that no other command waits for it.
func (v *Valkey) Scan(ctx context.Context, what string, each func(Record) error) error {
	prefix, err := scanPrefix(what)
	if err != nil {
		return err
	}
	pattern := escapeGlob(v.opts.Prefix) + "{s[0-9][0-9][0-9]}:" + string(prefix) + ":*"
	for _, node := range v.client.Nodes() {
		role, err := v.roleOf(ctx, node)
		if err != nil {
			return err
		}
		if role != "master" {
			continue
		}
		var cursor uint64
		for {
			entry, rows, err := v.scan(ctx, node, prefix, pattern, cursor)
			if err != nil {
				return err
			}
			if err := handOn(what, rows, each); err != nil {
				return err
			}
			if cursor = entry; cursor == 0 {
				break
			}
		}
	}
	return nil
}

func (v *Valkey) roleOf(ctx context.Context, node valkey.Client) (string, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	answer, err := node.Do(ctx, node.B().Role().Build()).ToArray()
	if err != nil {
		return "", failed(err)
	}
	if len(answer) == 0 {
		return "", failed(fmt.Errorf("ROLE answered nothing"))
	}
	role, err := answer[0].ToString()
	if err != nil {
		return "", failed(err)
	}
	return role, nil
}

// scan takes one step of SCAN, and reads what it found.
func (v *Valkey) scan(ctx context.Context, node valkey.Client, prefix byte, pattern string, cursor uint64) (uint64, []string, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer done()
	entry, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(pattern).Count(1000).Build()).AsScanEntry()
	if err != nil {
		return 0, nil, failed(err)
	}
	var rows []string
	if prefix != prefixOpen {
		if rows, err = v.getAll(ctx, entry.Elements); err != nil {
			return 0, nil, err
		}
		return entry.Cursor, rows, nil
	}
	// The index of a customer's open actions, each a member of its own.
	members := make(valkey.Commands, len(entry.Elements))
	for i, key := range entry.Elements {
		members[i] = v.client.B().Zrange().Key(key).Min("0").Max("-1").Build()
	}
	var keys []string
	if len(members) > 0 {
		for i, r := range v.client.DoMulti(ctx, members...) {
			found, err := r.AsStrSlice()
			if err != nil {
				return 0, nil, failed(err)
			}
			slot, _, _ := strings.Cut(strings.TrimPrefix(entry.Elements[i], v.opts.Prefix), ":")
			for _, m := range found {
				keys = append(keys, v.opts.Prefix+slot+":"+string(kindAction)+":"+m)
			}
		}
	}
	if rows, err = v.getAll(ctx, keys); err != nil {
		return 0, nil, err
	}
	return entry.Cursor, rows, nil
}

// getAll reads keys in one pipeline; those that are gone are left out.
func (v *Valkey) getAll(ctx context.Context, keys []string) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	gets := make(valkey.Commands, len(keys))
	for i, key := range keys {
		gets[i] = v.client.B().Get().Key(key).Build()
	}
	rows := make([]string, 0, len(keys))
	for _, r := range v.client.DoMulti(ctx, gets...) {
		row, err := r.ToString()
		switch {
		case valkey.IsValkeyNil(err):
		case err != nil:
			return nil, failed(err)
		default:
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// escapeGlob makes a text stand for itself in a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
