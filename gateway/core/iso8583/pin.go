package iso8583

import (
	"crypto/des" //nolint:gosec // the standard's cipher of PIN blocks
	"errors"
	"strings"

	"nyota/gateway/core"
)

// pinBlock is field 52: ISO 9564 format 0 (a 0, the PIN's length, its digits, F
// to the end; and over it four zeros and the payer's last 12 digits without the
// check digit), encrypted. The clear block is erased.
func (c *Connector) pinBlock(pin core.Secret, pan string) (string, error) {
	octets := pin.Reveal()
	if len(octets) < 4 || len(octets) > 12 {
		return "", errors.New("the PIN must have 4 to 12 digits")
	}
	for _, b := range octets {
		if b < '0' || b > '9' {
			return "", errors.New("the PIN has a character that a PIN cannot have")
		}
	}
	if c.cfg.Encrypt == nil {
		return "", errors.New("no encryption of PINs is configured")
	}
	account := strings.Repeat("0", 13) + pan
	account = account[len(account)-13 : len(account)-1]
	var block [8]byte
	defer clear(block[:])
	nibble := func(i int, v byte) { block[i/2] ^= v << (4 * (1 - i%2)) }
	nibble(1, byte(len(octets)))
	for i := 2; i < 16; i++ {
		if i-2 < len(octets) {
			nibble(i, octets[i-2]-'0')
		} else {
			nibble(i, 15)
		}
	}
	for i := range account {
		nibble(i+4, account[i]-'0')
	}
	sealed, err := c.cfg.Encrypt(block)
	if err != nil {
		return "", errors.New("the PIN could not be encrypted")
	}
	return string(sealed[:]), nil
}

// TripleDES returns an encryption of PIN blocks with a double (16 octets) or
// triple length key (24), for switches that want that and no HSM.
func TripleDES(key []byte) (func([8]byte) ([8]byte, error), error) {
	if len(key) == 16 {
		key = append(key[:16:16], key[:8]...)
	}
	block, err := des.NewTripleDESCipher(key) //nolint:gosec // the standard's cipher of PIN blocks
	if err != nil {
		return nil, errors.New("iso8583: a PIN key must have 16 or 24 octets")
	}
	return func(in [8]byte) (out [8]byte, err error) {
		block.Encrypt(out[:], in[:])
		return out, nil
	}, nil
}
