package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"penstock/regular"
)

const (
	stateFile    = "budgets.json"
	stateVersion = 1
	stateAdvice  = "restore the file, or delete it to begin with unspent budgets"
	maxState     = 64 << 20
	// saveInterval is how often what was spent is saved at most: what a crash can lose of it.
	saveInterval = 5 * time.Second
)

// state is the content of the state file.
type state struct {
	Version int      `json:"version"`
	Callers []record `json:"callers"`
}

// record is what a caller has spent of its budgets in the periods that began at these dates. What
// is reserved counts as spent: after a crash a budget is rather too small than too large.
type record struct {
	Name        string `json:"name"`
	Day         string `json:"day"`
	DayTokens   int64  `json:"day_tokens"`
	Month       string `json:"month"`
	MonthTokens int64  `json:"month_tokens"`
}

func (r record) check() error {
	_, day := time.Parse(time.DateOnly, r.Day)
	_, month := time.Parse(time.DateOnly, r.Month)
	if r.Name == "" || day != nil || month != nil || r.DayTokens < 0 || r.MonthTokens < 0 {
		return fmt.Errorf("the entry of %q has a date or a number that cannot be", r.Name)
	}
	return nil
}

// restore adds the record to a new account. It has been checked.
func (r record) restore(a *account) {
	day, _ := time.Parse(time.DateOnly, r.Day)
	month, _ := time.Parse(time.DateOnly, r.Month)
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.day.add(r.DayTokens, day, now)
	a.month.add(r.MonthTokens, month, now)
}

// readState reads the state file of a folder, which it makes if there is none.
func readState(dir string) (map[string]record, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for budgets: %w", err)
	}
	path := filepath.Join(dir, stateFile)
	text, err := readRegular(path, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, writeState(dir, nil) // so that a folder that cannot be written is an error now
	}
	if err != nil {
		return nil, fmt.Errorf("read the budgets: %w", err)
	}
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("the budgets in %s cannot be read (%w): %s", path, err, stateAdvice)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("the budgets in %s have version %d, which this Penstock does not read: "+
			"use the one that wrote them, or delete the file", path, s.Version)
	}
	saved := make(map[string]record, len(s.Callers))
	for _, r := range s.Callers {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("the budgets in %s cannot be used: %w: %s", path, err, stateAdvice)
		}
		saved[r.Name] = r
	}
	return saved, nil
}

// writeState replaces the state file at once: a crash leaves the old one or the new one.
func writeState(dir string, records []record) (err error) {
	text, err := json.Marshal(state{Version: stateVersion, Callers: append([]record{}, records...)})
	if err != nil {
		return fmt.Errorf("encode the budgets: %w", err)
	}
	f, err := os.CreateTemp(dir, stateFile+".*")
	if err != nil {
		return fmt.Errorf("save the budgets: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save the budgets: %w", err)
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), filepath.Join(dir, stateFile)); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// records returns what is to be saved, of callers that have spent anything in periods that run.
func (a *accounts) records() []record {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	records := make([]record, 0, len(a.byName)+len(a.saved))
	for name, own := range a.byName {
		own.mu.Lock()
		own.day.roll(now)
		own.month.roll(now)
		if own.day.used > 0 || own.month.used > 0 {
			records = append(records, record{
				Name: name, Day: own.day.since.Format(time.DateOnly), DayTokens: own.day.used,
				Month: own.month.since.Format(time.DateOnly), MonthTokens: own.month.used,
			})
		}
		own.mu.Unlock()
	}
	for _, r := range a.saved { // it has not come since the start
		if month, err := time.Parse(time.DateOnly, r.Month); err == nil && !month.Before(startOfMonth(now)) {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b record) int { return strings.Compare(a.Name, b.Name) })
	return records
}

// readRegular reads a file of at most so many bytes. Anything but a regular file is refused, as
// reading it could wait for ever.
func readRegular(path string, most int64) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return text, err
}
