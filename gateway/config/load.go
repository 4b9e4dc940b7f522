package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

const envPrefix = "NYOTA_"

// Load reads the file at path, or config.yaml of the working directory if path
// is empty and that file exists, lets environ (as os.Environ) override it, and
// validates the whole.
func Load(path string, environ []string) (Config, error) {
	cfg := Default()
	v := viper.NewWithOptions(viper.ExperimentalBindStruct(), viper.KeyDelimiter("."))
	v.SetConfigType("yaml")

	base, err := os.Getwd()
	if err != nil {
		return cfg, fmt.Errorf("config: %w", err)
	}
	named := path != ""
	if !named {
		path = "config.yaml"
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	switch {
	case err == nil:
		if err := v.ReadConfig(strings.NewReader(string(text))); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
		if base, err = filepath.Abs(filepath.Dir(path)); err != nil {
			return cfg, fmt.Errorf("%s: %w", path, err)
		}
	case named || !errors.Is(err, os.ErrNotExist):
		return cfg, fmt.Errorf("config: %w", err)
	}

	known := keys(reflect.TypeFor[Config](), "")
	for _, kv := range environ {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || !strings.HasPrefix(name, envPrefix) {
			continue
		}
		i := slices.IndexFunc(known, func(k string) bool { return envName(k) == name })
		if i < 0 && !ofSection(known, name) {
			continue // somebody else's: Kubernetes sets NYOTA_PORT for a service named nyota
		}
		if i < 0 {
			return cfg, fmt.Errorf("environment: %s names no key of the configuration", name)
		}
		v.Set(known[i], value)
	}

	decode := func(c *mapstructure.DecoderConfig) {
		c.DecodeHook = mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(),
			mapstructure.StringToSliceHookFunc(","),
			tokensOfText,
			linkDefaults,
		)
	}
	if err := v.UnmarshalExact(&cfg, decode); err != nil {
		return cfg, fmt.Errorf("%s: %s", path, plain(err))
	}
	cfg.Base = base
	cfg.complete()
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// Path returns p, taken from the configuration's folder if it is relative.
func (c *Config) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Base, p)
}

// KeyFile is the path of the key that seals PINs: secret.key_file, or secret.key in
// the folder of the embedded store.
func (c *Config) KeyFile() string {
	if c.Secret.KeyFile != "" {
		return c.Path(c.Secret.KeyFile)
	}
	return filepath.Join(c.Path(c.Store.Path), "secret.key")
}

// NodeName is what this gateway is called: node.name, or the host's name.
func (c *Config) NodeName() string {
	if c.Node.Name != "" {
		return c.Node.Name
	}
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "gateway"
}

var tokensType = reflect.TypeFor[[]AdminToken]()

// tokensOfText reads name:token,name:token: what people must not read of each other
// comes as a variable, from where secrets are kept.
func tokensOfText(_, to reflect.Type, data any) (any, error) {
	text, ok := data.(string)
	if !ok || to != tokensType {
		return data, nil
	}
	var all []AdminToken
	for one := range strings.SplitSeq(text, ",") {
		name, token, _ := strings.Cut(one, ":") // what is missing Validate says, and no token
		all = append(all, AdminToken{Name: name, Token: token})
	}
	return all, nil
}

// linkDefaults gives each entry of smpp.links the values it leaves out.
func linkDefaults(from, to reflect.Type, data any) (any, error) {
	if to != reflect.TypeFor[Link]() || from.Kind() != reflect.Map {
		return data, nil
	}
	given, ok := data.(map[string]any)
	if !ok {
		return data, nil
	}
	full := map[string]any{}
	if err := mapstructure.Decode(DefaultLink(), &full); err != nil {
		return nil, err
	}
	for k, v := range given {
		full[strings.ToLower(k)] = v
	}
	return full, nil
}

// complete fills in what depends on other keys.
func (c *Config) complete() {
	for i := range c.SMPP.Links {
		l := &c.SMPP.Links[i]
		if l.Network == "" {
			l.Network = c.Operator.Network
		}
		if l.Hints == "auto" {
			l.Hints = "off"
			if c.Simulator.SMPP != "" && l.Address == c.Simulator.SMPP {
				l.Hints = "on"
			}
		}
	}
	if c.Callbacks.URL == "" && c.Callbacks.Listen != "" {
		c.Callbacks.URL = "http://" + c.Callbacks.Listen
	}
}

// ofSection says whether a variable's name begins as those of a section do, so
// that it can only be meant for us.
func ofSection(known []string, name string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		section, _, _ := strings.Cut(k, ".")
		return strings.HasPrefix(name, envName(section)+"_")
	})
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// keys lists every key that holds one value, or a list of what can be written as a
// string.
func keys(t reflect.Type, prefix string) []string {
	var all []string
	for f := range t.Fields() {
		tag := f.Tag.Get("mapstructure")
		switch {
		case tag == "" || tag == "-":
		case f.Type.Kind() == reflect.Struct:
			all = append(all, keys(f.Type, prefix+tag+".")...)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct && f.Type != tokensType:
		default:
			all = append(all, prefix+tag)
		}
	}
	return all
}

// plain says mapstructure's findings in an operator's words, a key each.
func plain(err error) string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line = strings.TrimLeft(strings.TrimSpace(line), "* ")
		switch {
		case line == "" || strings.HasPrefix(line, "decoding failed"):
		case strings.Contains(line, "has invalid keys:"):
			at, keys, _ := strings.Cut(line, "has invalid keys:")
			at = strings.Trim(strings.TrimSpace(at), "'")
			for k := range strings.SplitSeq(keys, ",") {
				name := strings.TrimSpace(k)
				if at != "" {
					name = at + "." + name
				}
				lines = append(lines, name+": unknown key")
			}
		default:
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
