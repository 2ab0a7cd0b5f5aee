package hub

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAFullDiskIsReported(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	file := File{Path: "onnx/model.onnx", Size: 4}
	p := &part{file: file, to: full, sum: file.Checksum.hash(file.Size)}
	if n, err := p.Write([]byte("data")); n != 0 || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "write onnx/model.onnx: the disk is full: make room") {
		t.Errorf("%d, %v", n, err)
	}
	if p.have != 0 {
		t.Errorf("%d bytes count as written", p.have)
	}
}
