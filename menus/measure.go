package menus

// NeedsUCS2 says whether a text has a character outside the GSM 7-bit default
// alphabet and its extension (3GPP TS 23.038 section 6.2.1).
func NeedsUCS2(text string) bool { return !isGSM([]byte(text)) }
