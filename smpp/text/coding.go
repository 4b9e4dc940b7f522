package text

// Values of data_coding that this project sends (SMPP 3.4 section 5.2.19; 3GPP
// TS 23.038 section 5 for those of USSD).
const (
	DCSDefault  = 0x00 // the message centre's default alphabet
	DCSASCII    = 0x01
	DCSLatin1   = 0x03
	DCSBinary   = 0x04
	DCSUCS2     = 0x08
	DCSUSSD     = 0x0F // USSD: GSM 7-bit, language unspecified
	DCSUSSDUCS2 = 0x48 // USSD: UCS-2, uncompressed, no class
)

// Coding says how a link's peer understands data_coding. The zero value is the
// usual: 0 is the GSM default alphabet and septets are not packed.
type Coding struct {
	// Default is the alphabet of data_coding 0.
	Default Encoding
	// Packed says that GSM 7-bit text travels eight septets in seven octets,
	// with the padding of USSD.
	Packed bool
	// ASCIIIsGSM7 says that the peer writes the GSM default alphabet where it
	// says data_coding 1. npm's smpp does, in what it sends by default: there
	// an @ would be read as a NUL.
	ASCIIIsGSM7 bool
	// CBS reads all of data_coding as a coding scheme of cell broadcast and USSD
	// (3GPP TS 23.038 section 5) instead of that of SMPP, in which 1 is ASCII, 3
	// Latin-1, 4 binary and 8 UCS-2. The two agree on 0x0F and 0x48.
	CBS bool
}

// Encoding returns how text of that data_coding is encoded. Message classes,
// indications and languages are not looked at; codings of other alphabets, such
// as JIS, are Binary; reserved values are the default alphabet, as 3GPP TS 23.038
// section 4 asks of receivers.
func (c Coding) Encoding(dcs byte) Encoding {
	if c.CBS {
		return c.cbs(dcs)
	}
	switch dcs {
	case 0x00:
		return c.Default
	case 0x01:
		if c.ASCIIIsGSM7 {
			return GSM7
		}
		return ASCII
	case 0x03:
		return Latin1
	case 0x08:
		return UCS2
	case 0x02, 0x04, 0x05, 0x06, 0x07, 0x09, 0x0A, 0x0D, 0x0E:
		return Binary
	}
	switch dcs >> 4 {
	case 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7: // general groups of SMS
		return general(dcs)
	case 0xE: // message waiting, UCS-2
		return UCS2
	case 0xF: // class
		return class(dcs)
	}
	return GSM7
}

func (c Coding) cbs(dcs byte) Encoding {
	switch {
	case dcs == 0x11: // a language code goes before the text, in UCS-2
		return UCS2
	case dcs < 0x40:
		return GSM7
	case dcs < 0x80, dcs>>4 == 0x9: // general, and with a user data header
		return general(dcs)
	case dcs>>4 == 0xF:
		return class(dcs)
	}
	return GSM7
}

// general reads bits 3 and 2 of the general data coding groups. Bit 5 says that
// the text is compressed, which nobody here can read.
func general(dcs byte) Encoding {
	if dcs&0x20 != 0 {
		return Binary
	}
	switch dcs >> 2 & 3 {
	case 1:
		return Binary
	case 2:
		return UCS2
	}
	return GSM7
}

func class(dcs byte) Encoding {
	if dcs&0x04 != 0 {
		return Binary
	}
	return GSM7
}

// Encode appends s as data_coding dcs says. A character that it lacks is a
// *CharError, and dst is returned as it was.
func (c Coding) Encode(dst []byte, s string, dcs byte) ([]byte, error) {
	e := c.Encoding(dcs)
	if e != GSM7 || !c.Packed {
		return e.Append(dst, s)
	}
	septets, err := EncodeGSM7(make([]byte, 0, len(s)), s)
	if err != nil {
		return dst, err
	}
	return PackUSSD(dst, septets), nil
}

// Decode reads src as data_coding dcs says.
func (c Coding) Decode(src []byte, dcs byte) string {
	e := c.Encoding(dcs)
	if e == GSM7 && c.Packed {
		src = UnpackUSSD(make([]byte, 0, len(src)*8/7), src)
	}
	return e.Decode(src)
}

// Encode is Encode of the zero Coding.
func Encode(dst []byte, s string, dcs byte) ([]byte, error) { return Coding{}.Encode(dst, s, dcs) }

// Decode is Decode of the zero Coding.
func Decode(src []byte, dcs byte) string { return Coding{}.Decode(src, dcs) }
