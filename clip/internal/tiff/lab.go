package tiff

import "math"

// CIELab becomes sRGB as in LittleCMS, which Pillow uses: through a grid of 33 nodes in each
// direction, between which tetrahedra are interpolated in whole numbers.
const (
	labNodes  = 33
	labMemory = labNodes * labNodes * labNodes * 3 * 2
)

type labGrid [labNodes][labNodes][labNodes][3]uint16

func (l *layout) lab() func(row, rgb []byte) {
	grid := newLabGrid()
	return func(row, rgb []byte) {
		for x := range l.width {
			p := row[x*l.samples:]
			// Files have a and b as signed numbers.
			grid.convert([3]byte{p[0], p[1] ^ 0x80, p[2] ^ 0x80}, rgb[3*x:3*x+3:3*x+3])
		}
	}
}

// single rounds to the precision in which LittleCMS passes numbers from one step to the next.
func single(v float64) float64 { return float64(float32(v)) }

func newLabGrid() *labGrid {
	const most = 1 + 32767.0/32768 // of XYZ
	g := new(labGrid)
	toRGB := inverted(sRGBPrimaries())
	at := func(i int) float64 { return single(math.Floor(float64(i)*65535/(labNodes-1)+0.5) / 65535) }
	for i := range labNodes {
		for j := range labNodes {
			for k := range labNodes {
				y := (at(i)*100 + 16) / 116
				x, z := y+0.002*(at(j)*255-128), y-0.005*(at(k)*255-128)
				xyz := [3]float64{labCube(x) * d50[0], labCube(y) * d50[1], labCube(z) * d50[2]}
				for c := range xyz {
					xyz[c] = single(xyz[c]/most) * most
				}
				for c, v := range multiplied(toRGB, xyz) {
					if v = single(v); v >= 0.0031308 {
						v = 1.055*math.Pow(v, 1/2.4) - 0.055
					} else {
						v *= 12.92
					}
					g[i][j][k][c] = uint16(min(65535, max(0, math.Floor(single(v)*65535+0.5))))
				}
			}
		}
	}
	return g
}

// labCube is CIELab's function from lightness to light.
func labCube(t float64) float64 {
	if t <= 24.0/116 {
		return 108.0 / 841 * (t - 16.0/116)
	}
	return t * t * t
}

// d50 is the white of CIELab and of profiles.
var d50 = [3]float64{0.9642, 1, 0.8249}

// sRGBPrimaries is the matrix from sRGB to XYZ, adapted from the white of sRGB to d50 by Bradford's
// method.
func sRGBPrimaries() [3][3]float64 {
	primaries := [3][3]float64{{0.64, 0.30, 0.15}, {0.33, 0.60, 0.06}, {0.03, 0.10, 0.79}}
	white := [3]float64{0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290}
	bradford := [3][3]float64{{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}
	scale := multiplied(inverted(primaries), white)
	from, to := multiplied(bradford, white), multiplied(bradford, d50)
	back := inverted(bradford)
	var m [3][3]float64
	for column := range 3 {
		cone := multiplied(bradford, [3]float64{
			primaries[0][column] * scale[column], primaries[1][column] * scale[column], primaries[2][column] * scale[column],
		})
		for i := range cone {
			cone[i] *= to[i] / from[i]
		}
		for row, v := range multiplied(back, cone) {
			m[row][column] = v
		}
	}
	return m
}

func multiplied(m [3][3]float64, v [3]float64) (out [3]float64) {
	for i := range 3 {
		out[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return out
}

func inverted(m [3][3]float64) (out [3][3]float64) {
	minor := func(i, j int) float64 {
		a, b, c, d := (i+1)%3, (i+2)%3, (j+1)%3, (j+2)%3
		return m[a][c]*m[b][d] - m[a][d]*m[b][c]
	}
	determinant := m[0][0]*minor(0, 0) + m[0][1]*minor(0, 1) + m[0][2]*minor(0, 2)
	for i := range 3 {
		for j := range 3 {
			out[j][i] = minor(i, j) / determinant
		}
	}
	return out
}

// convert interpolates as LittleCMS's TetrahedralInterp16: from the node below along the axes, that
// with the largest part first, to the node above.
func (g *labGrid) convert(lab [3]byte, rgb []byte) {
	var node [3]int
	var part [3]int64
	for i, v := range lab {
		fixed := int64(v) * 257 * (labNodes - 1)
		fixed += (fixed + 0x7fff) / 0xffff
		node[i], part[i] = int(fixed>>16), fixed&0xffff
	}
	order := [3]int{0, 1, 2}
	for _, pair := range [...][2]int{{0, 1}, {1, 2}, {0, 1}} {
		if part[order[pair[0]]] < part[order[pair[1]]] {
			order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
		}
	}
	first := g[node[0]][node[1]][node[2]]
	last := first
	var sum [3]int64
	for _, axis := range order {
		node[axis] = min(node[axis]+1, labNodes-1)
		next := g[node[0]][node[1]][node[2]]
		for c := range sum {
			sum[c] += (int64(next[c]) - int64(last[c])) * part[axis]
		}
		last = next
	}
	for c := range sum {
		rest := sum[c] + 0x8001
		v := int64(first[c]) + (rest+rest>>16)>>16
		rgb[c] = byte((v*65281 + 1<<23) >> 24)
	}
}
