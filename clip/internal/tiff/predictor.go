package tiff

const (
	predictorNone       = 1
	predictorHorizontal = 2
	predictorFloat      = 3
)

// predictor returns what undoes the prediction of a row: nil if there is none.
func predictor(l *layout) (func(row []byte), error) {
	step := l.stored() * l.bits / 8
	switch {
	case l.predictor == predictorNone:
		return nil, nil
	case l.predictor == predictorHorizontal && l.bits == 8:
		return func(row []byte) {
			for i := step; i < len(row); i++ {
				row[i] += row[i-step]
			}
		}, nil
	case l.predictor == predictorHorizontal && l.bits == 16:
		return func(row []byte) {
			for i := step; i+1 < len(row); i += 2 {
				l.order.PutUint16(row[i:], l.order.Uint16(row[i:])+l.order.Uint16(row[i-step:]))
			}
		}, nil
	case l.predictor == predictorHorizontal && l.bits == 32:
		return func(row []byte) {
			for i := step; i+3 < len(row); i += 4 {
				l.order.PutUint32(row[i:], l.order.Uint32(row[i:])+l.order.Uint32(row[i-step:]))
			}
		}, nil
	case l.predictor == predictorFloat && l.format == formatFloat && l.bits == 32:
		return floatPredictor(l), nil
	}
	return nil, unsupported("predictor %d of samples of %d bits", l.predictor, l.bits)
}

// floatPredictor undoes a prediction of which the highest bytes of all samples come first, then
// the next ones, whatever the order of bytes of the file is.
func floatPredictor(l *layout) func(row []byte) {
	const size = 4
	var planes []byte
	return func(row []byte) {
		stride := l.stored()
		for i := stride; i < len(row); i++ {
			row[i] += row[i-stride]
		}
		planes = append(planes[:0], row...)
		n := len(row) / size
		for i := range n {
			v := uint32(planes[i])<<24 | uint32(planes[n+i])<<16 | uint32(planes[2*n+i])<<8 | uint32(planes[3*n+i])
			l.order.PutUint32(row[size*i:], v)
		}
	}
}
