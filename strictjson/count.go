package strictjson

// Decoding must cost no more memory than a few times the size of the data. What costs more are
// short values, as {}, that become large ones in Go. So values are counted before they are decoded,
// each by what it costs at most: an element of a list that is a number 1, another element and each
// member of a large object valueWeight. Data may have freeWeight, and more in proportion to its
// size: in large data an element has 128 bytes on average, and a number 4.
const (
	valueWeight  = 32
	freeWeight   = 64 << 10
	weightedSize = 4    // bytes of data for each unit of weight
	smallObject  = 64   // members that are not counted: most objects become structs
	maxDepth     = 1000 // of nested lists and objects
)

// Count returns an *Error of kind TooMany if data has more values than its size allows, else nil.
// It allocates next to nothing, and does not check the syntax. Numbers are not counted if they are
// free: their reader then bounds them.
func Count(data []byte, numbersAreFree bool) *Error {
	if numbersAreFree {
		return count(data, valueWeight, 0)
	}
	return count(data, valueWeight, 1)
}

// CountMembers is Count for data of which only the names of members are decoded, to find those that
// are doubled: elements of lists are not counted.
func CountMembers(data []byte) *Error { return count(data, 0, 0) }

// count counts an element of a list with that weight, and one that is a number with the other.
func count(data []byte, element, number int) *Error {
	var (
		left  = freeWeight + len(data)/weightedSize
		stack [maxDepth]int32 // -1: a list; else the members of an object
		depth = 0
	)
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			continue
		case ']', '}':
			depth = max(0, depth-1)
			continue
		case '[', '{':
			if depth == maxDepth {
				return &Error{Kind: TooMany, Offset: int64(i)}
			}
			stack[depth] = 0
			if c == '[' {
				stack[depth] = -1
			}
			depth++
		case ',':
		default:
			continue
		}
		if depth == 0 {
			continue
		}
		switch top := &stack[depth-1]; {
		case *top >= 0:
			if *top++; *top > smallObject {
				left -= valueWeight
			}
		case !startsNumber(data[i+1:]):
			left -= element
		default:
			left -= number
		}
		if left < 0 {
			return &Error{Kind: TooMany, Offset: int64(i)}
		}
	}
	return nil
}

func startsNumber(data []byte) bool {
	for _, c := range data {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == '-' || '0' <= c && c <= '9'
		}
	}
	return false
}
