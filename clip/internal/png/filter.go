package png

import (
	"encoding/binary"
	"errors"
)

// unfilter undoes the filter of a row: each byte is the difference to what the bytes left of it
// (size bytes before), above it and left above it predict.
func unfilter(filter byte, row, before []byte, size int) error {
	switch filter {
	case 0:
	case 1:
		for i := size; i < len(row); i++ {
			row[i] += row[i-size]
		}
	case 2:
		addBytes(row, before)
	case 3:
		average(row, before, size)
	case 4:
		switch size {
		case 3:
			paeth3(row, before)
		case 4:
			paeth4(row, before)
		default:
			paethAny(row, before, size)
		}
	default:
		return errors.New("an unknown filter")
	}
	return nil
}

// addBytes adds eight bytes at a time: the high bit of each is added without a carry.
func addBytes(row, before []byte) {
	const low = 0x7f7f7f7f7f7f7f7f
	for len(row) >= 8 && len(before) >= 8 {
		a, b := binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(before)
		binary.LittleEndian.PutUint64(row, (a&low+b&low)^(a^b)&^low)
		row, before = row[8:], before[8:]
	}
	for i, v := range before {
		row[i] += v
	}
}

func average(row, before []byte, size int) {
	before = before[:len(row)]
	for i := range min(size, len(row)) {
		row[i] += before[i] / 2
	}
	for i := size; i < len(row); i++ {
		row[i] += byte((int(row[i-size]) + int(before[i])) / 2)
	}
}

// paeth returns whichever of left, above and corner is the nearest to left + above - corner. It
// computes that without branches, which would be mispredicted.
func paeth(left, above, corner int32) int32 {
	threshold := 3*corner - left - above
	low, high := min(left, above), max(left, above)
	nearest := corner
	if high <= threshold {
		nearest = low
	}
	if threshold <= low {
		nearest = high
	}
	return nearest
}

func paeth3(row, before []byte) {
	var a0, a1, a2, c0, c1, c2 int32 // left of each sample, and above that
	for len(row) >= 3 && len(before) >= 3 {
		b0, b1, b2 := int32(before[0]), int32(before[1]), int32(before[2])
		a0 = (int32(row[0]) + paeth(a0, b0, c0)) & 0xff
		a1 = (int32(row[1]) + paeth(a1, b1, c1)) & 0xff
		a2 = (int32(row[2]) + paeth(a2, b2, c2)) & 0xff
		row[0], row[1], row[2] = byte(a0), byte(a1), byte(a2)
		c0, c1, c2 = b0, b1, b2
		row, before = row[3:], before[3:]
	}
}

func paeth4(row, before []byte) {
	var a0, a1, a2, a3, c0, c1, c2, c3 int32
	for len(row) >= 4 && len(before) >= 4 {
		b0, b1, b2, b3 := int32(before[0]), int32(before[1]), int32(before[2]), int32(before[3])
		a0 = (int32(row[0]) + paeth(a0, b0, c0)) & 0xff
		a1 = (int32(row[1]) + paeth(a1, b1, c1)) & 0xff
		a2 = (int32(row[2]) + paeth(a2, b2, c2)) & 0xff
		a3 = (int32(row[3]) + paeth(a3, b3, c3)) & 0xff
		row[0], row[1], row[2], row[3] = byte(a0), byte(a1), byte(a2), byte(a3)
		c0, c1, c2, c3 = b0, b1, b2, b3
		row, before = row[4:], before[4:]
	}
}

func paethAny(row, before []byte, size int) {
	before = before[:len(row)]
	for i := range min(size, len(row)) {
		row[i] += before[i] // the nearest to above is above
	}
	for i := size; i < len(row); i++ {
		row[i] += byte(paeth(int32(row[i-size]), int32(before[i]), int32(before[i-size])))
	}
}
