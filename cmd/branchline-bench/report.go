//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	Began      time.Time `json:"began"`
	Took       float64   `json:"tookSeconds"`
	Machine    string    `json:"machine"`
	Go         string    `json:"go"`
	PostgreSQL string    `json:"postgresql"`
	Settings   settings  `json:"postgresqlSettings,omitempty"`
	Sockets    int       `json:"sockets"`
	Load       string    `json:"loadAverageAtStart"`
	GOGC       string    `json:"gogc,omitempty"` // of the product and of its floors; empty is the product's own pace
	Rows       []row     `json:"rows"`
}

// row is one figure beside its floor and its goal. A floor of 0 means that there
// is none.
type row struct {
	Goal  string  `json:"goal,omitempty"` // its number, such as S5
	What  string  `json:"what"`
	Unit  string  `json:"unit,omitempty"`
	Value float64 `json:"value"`
	Floor float64 `json:"floor,omitempty"`
	Must  string  `json:"must,omitempty"`
	Met   *bool   `json:"met,omitempty"` // nil where there is no goal
}

// add adds a figure without a goal.
func (r *report) add(what, unit string, value, floor float64) {
	r.Rows = append(r.Rows, row{What: what, Unit: unit, Value: value, Floor: floor})
}

// judge adds a figure that has a goal.
func (r *report) judge(goal, what, unit string, value, floor float64, must string, met bool) {
	r.Rows = append(r.Rows, row{Goal: goal, What: what, Unit: unit, Value: value, Floor: floor, Must: must, Met: &met})
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) write(w io.Writer) error {
	postgresql := r.PostgreSQL
	if len(r.Settings) > 0 {
		postgresql += " with " + r.Settings.String()
	}
	goVersion := r.Go
	if r.GOGC != "" {
		goVersion += " with GOGC=" + r.GOGC
	}
	fmt.Fprintf(w, "\n%s, %s, PostgreSQL %s, %d sockets, %s; load average at the start: %s; took %.0f s\n\n",
		r.Machine, goVersion, postgresql, r.Sockets, r.Began.Format("2006-01-02 15:04"), r.Load, r.Took)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "goal\tfigure\tvalue\tfloor\tratio\tmust\t")
	for _, row := range r.Rows {
		floor, ratio, verdict := "–", "–", ""
		if row.Floor != 0 {
			floor, ratio = figure(row.Floor, row.Unit), strconv.FormatFloat(row.Value/row.Floor, 'f', 2, 64)
		}
		if row.Met != nil {
			verdict = "ok"
			if !*row.Met {
				verdict = "OVER"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Goal, row.What, figure(row.Value, row.Unit), floor, ratio, row.Must, verdict)
	}
	return t.Flush()
}

// figure writes a number with its unit and about three digits.
func figure(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	switch {
	case v == math.Trunc(v) || math.Abs(v) >= 100:
		text = strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) >= 10:
		text = strconv.FormatFloat(v, 'f', 1, 64)
	}
	if unit == "" {
		return text
	}
	return text + " " + unit
}

// spread is how a number of measured times lie, in milliseconds.
type spread struct{ p50, p99, max float64 }

// spreadOf returns the spread of times, which it sorts. The p99 is the smallest
// time that 99 % of them do not exceed.
func spreadOf(times []time.Duration) spread {
	if len(times) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return milliseconds(times[max(0, int(math.Ceil(share*float64(len(times))))-1)])
	}
	return spread{at(0.50), at(0.99), at(1)}
}

// after returns how long after a moment each of the others was. All are in
// nanoseconds since 1970.
func after(moment int64, at []int64) []time.Duration {
	out := make([]time.Duration, len(at))
	for i := range at {
		out[i] = time.Duration(at[i] - moment)
	}
	return out
}

// middle returns the median spread, figure by figure.
func middle(rounds []spread) spread {
	return spread{
		median(rounds, func(s spread) float64 { return s.p50 }),
		median(rounds, func(s spread) float64 { return s.p99 }),
		median(rounds, func(s spread) float64 { return s.max }),
	}
}

// median returns the median of one figure; of an even number, the lower one.
func median[T any](rounds []T, get func(T) float64) float64 {
	all := make([]float64, len(rounds))
	for i := range rounds {
		all[i] = get(rounds[i])
	}
	slices.Sort(all)
	return all[(len(all)-1)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
