// Plot draws the figures of a run as SVG: ratios beside the bare driver, with their quartiles and bars, and how
// loading grows. It is a module of its own, so that nobody who uses the library has a plotting library in the graph.
//
//	go run -C bench/plot . results.json docs     (both paths from the project's directory)
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A run is what is drawn of bench's results.json.
type run struct {
	Lines []struct {
		Line  string `json:"line"`
		Mode  string `json:"mode"`
		Ratio spread `json:"ratio"`
		Bar   string `json:"bar"`
	} `json:"lines"`
	Growth []struct {
		Structures  int     `json:"structures"`
		Mode        string  `json:"mode"`
		Nanoseconds float64 `json:"ns_per_load"`
		Each        float64 `json:"bytes_each"`
	} `json:"growth"`
}

type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// The colours of drivers and modes, told apart by the colour-blind, too (Okabe and Ito).
var (
	colours = []color.Color{
		color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
		color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff},
	}
	barColour = color.RGBA{R: 0x66, G: 0x66, B: 0x66, A: 0xff}
)

func main() {
	if err := draws(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func draws(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: plot RESULTS DIR (from the project's directory)")
	}
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, args[0]))
	if err != nil {
		return err
	}
	var r run
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	for name, drawn := range map[string]func(run, string) error{"bench-ratios.svg": ratios, "bench-growth.svg": growth} {
		if err := drawn(r, filepath.Join(root, args[1], name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// ratios draws each line that has a bar for its ratio, drivers side by side.
func ratios(r run, file string) error {
	type bar struct{ x, y float64 }
	var (
		names, modes []string
		bars         []bar
		points       = map[string]plotter.XYs{}
		errorsOf     = map[string]plotter.YErrors{}
	)
	for _, l := range r.Lines {
		limit, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(l.Bar, "≤ "), " ×"), 64)
		if err != nil {
			continue // its bar is no ratio
		}
		if !slices.Contains(names, l.Line) {
			names = append(names, l.Line)
			bars = append(bars, bar{float64(len(names) - 1), limit})
		}
		if !slices.Contains(modes, l.Mode) {
			modes = append(modes, l.Mode)
		}
		x := float64(slices.Index(names, l.Line)) + 0.18*(float64(slices.Index(modes, l.Mode))-1.5)
		points[l.Mode] = append(points[l.Mode], plotter.XY{X: x, Y: l.Ratio.Median})
		errorsOf[l.Mode] = append(errorsOf[l.Mode], struct{ Low, High float64 }{l.Ratio.Median - l.Ratio.Low, l.Ratio.High - l.Ratio.Median})
	}
	if names == nil {
		return errors.New("the results have no ratios")
	}
	p := plot.New()
	p.Title.Text = "Time beside the bare driver's: medians and quartiles; the short lines are the bars"
	p.Y.Label.Text = "ratio"
	p.NominalX(names...)
	p.Add(plotter.NewGrid())
	for _, b := range bars {
		line, err := plotter.NewLine(plotter.XYs{{X: b.x - 0.4, Y: b.y}, {X: b.x + 0.4, Y: b.y}})
		if err != nil {
			return err
		}
		line.Color, line.Width = barColour, vg.Points(1.5)
		p.Add(line)
	}
	for i, m := range modes {
		scatter, err := plotter.NewScatter(points[m])
		if err != nil {
			return err
		}
		whiskers, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{points[m], errorsOf[m]})
		if err != nil {
			return err
		}
		c := colours[i%len(colours)]
		scatter.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(3), Shape: draw.CircleGlyph{}}
		whiskers.Color = c
		p.Add(whiskers, scatter)
		p.Legend.Add(m, scatter)
	}
	p.Legend.Top = true
	p.Y.Min, p.Y.Max = min(p.Y.Min, 0.8), max(p.Y.Max, 1.2)
	return p.Save(max(20, vg.Length(len(names))*2.2)*vg.Centimeter, 11*vg.Centimeter, file)
}

// growth draws how long a load takes by the number of structures, on axes of powers of ten: a straight line of slope
// one is linear.
func growth(r run, file string) error {
	lines := map[string]plotter.XYs{}
	var modes []string
	for _, g := range r.Growth {
		if !slices.Contains(modes, g.Mode) {
			modes = append(modes, g.Mode)
		}
		lines[g.Mode] = append(lines[g.Mode], plotter.XY{X: float64(g.Structures), Y: g.Nanoseconds / 1e6})
	}
	if modes == nil {
		return errors.New("the results have no growth")
	}
	p := plot.New()
	p.Title.Text = "A load, by the number of structures"
	p.X.Label.Text, p.Y.Label.Text = "structures", "ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Add(plotter.NewGrid())
	for i, m := range modes {
		line, points, err := plotter.NewLinePoints(lines[m])
		if err != nil {
			return err
		}
		c := colours[i%len(colours)]
		line.Color, points.Color, points.Shape = c, c, draw.CircleGlyph{}
		p.Add(line, points)
		p.Legend.Add(m, line, points)
	}
	p.Legend.Top, p.Legend.Left = true, true
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, file)
}
