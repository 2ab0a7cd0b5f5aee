package tiff

import "strings"

// The codes of runs, of ITU-T T.4: of 0 to 63 pixels, and of 64 to 1728 in steps of 64. Longer ones
// are the same for both colours.
const (
	whiteShort = "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010 101011 " +
		"0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011 " +
		"00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 " +
		"00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 " +
		"00110010 00110011 00110100"
	whiteLong = "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011 " +
		"011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010 011000 010011011"
	blackShort = "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000 0000010111 " +
		"0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111 00000011000 000011001010 " +
		"000011001011 000011001100 000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 " +
		"000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011 000001010100 " +
		"000001010101 000001010110 000001010111 000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 " +
		"000000111000 000000100111 000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 " +
		"000001100111"
	blackLong = "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101 " +
		"0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 " +
		"0000001110111 0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101"
	longest = "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 000000010111 " +
		"000000011100 000000011101 000000011110 000000011111"
)

// How many bits are looked up at once.
const (
	modeBits  = 7
	whiteBits = 12
	blackBits = 13
)

// A faxKind is what a code means.
type faxKind uint8

const (
	faxInvalid    faxKind = iota
	faxRun                // the last part of a run
	faxMakeUp             // a part of a run that another follows
	faxEndOfLine          // eleven zeros: the rest of it is not yet read
	faxPass               // the mode codes of two-dimensional lines
	faxHorizontal         // two runs follow
	faxVertical           // a change near one of the line above
	faxExtension
)

// A faxCode is an entry of a table: what begins with the bits of its index.
type faxCode struct {
	kind  faxKind
	width uint8 // bits
	value int16 // a run's length, or a distance
}

// faxTables are the codes by the bits that follow.
type faxTables struct {
	mode  [1 << modeBits]faxCode
	white [1 << whiteBits]faxCode
	black [1 << blackBits]faxCode
}

func newFaxTables() *faxTables {
	t := new(faxTables)
	fillRuns(t.white[:], whiteBits, whiteShort, whiteLong)
	fillRuns(t.black[:], blackBits, blackShort, blackLong)
	for code, c := range map[string]faxCode{
		"0001": {kind: faxPass}, "001": {kind: faxHorizontal}, "1": {kind: faxVertical},
		"011": {kind: faxVertical, value: 1}, "000011": {kind: faxVertical, value: 2}, "0000011": {kind: faxVertical, value: 3},
		"010": {kind: faxVertical, value: -1}, "000010": {kind: faxVertical, value: -2}, "0000010": {kind: faxVertical, value: -3},
		"0000001": {kind: faxExtension}, "0000000": {kind: faxEndOfLine},
	} {
		fillCode(t.mode[:], modeBits, code, c)
	}
	return t
}

func fillRuns(table []faxCode, bits int, short, long string) {
	for i, code := range strings.Fields(short) {
		fillCode(table, bits, code, faxCode{kind: faxRun, value: int16(i)})
	}
	for i, code := range strings.Fields(long + " " + longest) {
		fillCode(table, bits, code, faxCode{kind: faxMakeUp, value: int16(64 * (i + 1))})
	}
	fillCode(table, bits, strings.Repeat("0", 11), faxCode{kind: faxEndOfLine})
}

// fillCode enters c wherever code, of zeros and ones, comes first.
func fillCode(table []faxCode, bits int, code string, c faxCode) {
	first := 0
	for _, digit := range code {
		first = first<<1 | int(digit-'0')
	}
	c.width = uint8(len(code))
	free := bits - len(code)
	for i := range 1 << free {
		table[first<<free|i] = c
	}
}
