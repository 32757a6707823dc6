// Plot draws the results of bench as SVG: the ratios with their bars, and the growth of a
// load. It has its own module, so that users of the library do not depend on a plotting
// library.
//
//	GOWORK=off go run -C bench/plot .     reads bench/results.json, writes docs/bench-*.svg
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A result is an element of results.json.
type result struct {
	Line string `json:"line"`
	Mode string `json:"mode"`
	Ours struct {
		Nanoseconds float64 `json:"ns"`
	} `json:"ours"`
	Ratio struct {
		Median float64 `json:"median"`
		Low    float64 `json:"low"`
		High   float64 `json:"high"`
	} `json:"ratio"`
	Bar float64 `json:"bar"`
}

// Each driver and mode has its own shape, and a colour that colour-blind readers can
// distinguish.
var looks = []draw.GlyphStyle{
	{Color: color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, Shape: draw.CircleGlyph{}, Radius: vg.Points(3)},
	{Color: color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, Shape: draw.BoxGlyph{}, Radius: vg.Points(2.7)},
	{Color: color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, Shape: draw.PyramidGlyph{}, Radius: vg.Points(3)},
	{Color: color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, Shape: draw.TriangleGlyph{}, Radius: vg.Points(3)},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile("../results.json")
	if err != nil {
		return err
	}
	var r struct{ Lines []result }
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	return errors.Join(ratios(r.Lines, "../../docs/bench-ratios.svg"), growth(r.Lines, "../../docs/bench-growth.svg"))
}

// modes returns the drivers and modes of the results, in order.
func modes(results []result) (all []string) {
	for _, x := range results {
		if !slices.Contains(all, x.Mode) {
			all = append(all, x.Mode)
		}
	}
	return all
}

// ratios draws a row for each line, with a mark for each driver and mode, on a logarithmic
// axis. A bar below 0.1 would leave no room for the others.
func ratios(results []result, file string) error {
	results = slices.DeleteFunc(slices.Clone(results), func(x result) bool { return x.Bar < 0.1 })
	var names []string
	p := plot.New()
	p.Title.Text = "Time as a multiple of the limit's: median and quartiles"
	p.X.Label.Text = "ratio (dark strokes: bars; lines with a bar below 0.1 are not drawn)"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(halves)
	p.X.Min, p.X.Max = 0.5, 2
	var bars plotter.XYs
	for _, x := range results {
		if !slices.Contains(names, x.Line) {
			names = append(names, x.Line)
			bars = append(bars, plotter.XY{X: x.Bar, Y: -float64(len(names))})
		}
		p.X.Min, p.X.Max = min(p.X.Min, x.Ratio.Low*0.9, x.Bar*0.9), max(p.X.Max, x.Ratio.High*1.1, x.Bar*1.1)
	}
	var ticks plot.ConstantTicks
	for i, name := range names {
		ticks = append(ticks, plot.Tick{Value: -float64(i + 1), Label: "  " + name}) // without the spaces, the first letter is cut off
	}
	low, high := p.X.Min, p.X.Max
	p.Y.Tick.Marker = ticks
	strokes, err := plotter.NewScatter(bars)
	if err != nil {
		return err
	}
	strokes.GlyphStyle = draw.GlyphStyle{Color: color.Black, Shape: stroke{}, Radius: vg.Points(9)}
	p.Add(plotter.NewGrid(), strokes)
	p.Legend.Add("bar", strokes)
	for i, mode := range modes(results) {
		var marks struct {
			plotter.XYs
			plotter.XErrors
		}
		for _, x := range results {
			if x.Mode == mode {
				marks.XYs = append(marks.XYs, plotter.XY{X: x.Ratio.Median, Y: -float64(slices.Index(names, x.Line)+1) + 0.18*(1.5-float64(i))})
				marks.XErrors = append(marks.XErrors, struct{ Low, High float64 }{x.Ratio.Median - x.Ratio.Low, x.Ratio.High - x.Ratio.Median})
			}
		}
		scatter, err1 := plotter.NewScatter(marks.XYs)
		whiskers, err2 := plotter.NewXErrorBars(marks)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		scatter.GlyphStyle, whiskers.Color = looks[i%len(looks)], looks[i%len(looks)].Color
		p.Add(whiskers, scatter)
		p.Legend.Add(mode, scatter)
	}
	p.X.Min, p.X.Max = low, high
	p.Y.Min, p.Y.Max = -float64(len(names))-0.6, 2.2 // room for the legend
	p.Legend.Top, p.Legend.Padding = true, vg.Points(2)
	return p.Save(20*vg.Centimeter, vg.Length(float64(len(names))+4)*0.8*vg.Centimeter, file)
}

// A stroke is a vertical line.
type stroke struct{}

func (stroke) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.StrokeLine2(draw.LineStyle{Color: style.Color, Width: vg.Points(2)}, at.X, at.Y-style.Radius, at.X, at.Y+style.Radius)
}

// halves returns ticks at powers of two.
func halves(low, high float64) (ticks []plot.Tick) {
	for e := math.Ceil(math.Log2(low)); e <= math.Log2(high); e++ {
		v := math.Pow(2, e)
		ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
	}
	return ticks
}

// growth draws the time of a load by the number of structures, on logarithmic axes.
func growth(results []result, file string) error {
	p := plot.New()
	p.Title.Text = "The time of a load (each label: compared with half as many)"
	p.X.Label.Text, p.Y.Label.Text = "structures of each kind", "ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Add(plotter.NewGrid())
	for i, mode := range modes(results) {
		var times plotter.XYLabels
		for _, x := range results {
			of, err := strconv.Atoi(strings.TrimPrefix(x.Line, "Load/"))
			if x.Mode == mode && err == nil {
				times.XYs = append(times.XYs, plotter.XY{X: float64(of), Y: x.Ours.Nanoseconds / 1e6})
				times.Labels = append(times.Labels, fmt.Sprintf("%.2f ×", x.Ratio.Median))
			}
		}
		if times.XYs == nil {
			continue
		}
		line, points, err1 := plotter.NewLinePoints(times.XYs)
		labels, err2 := plotter.NewLabels(times)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		line.Color, points.GlyphStyle = looks[i%len(looks)].Color, looks[i%len(looks)]
		labels.Offset = vg.Point{X: vg.Points(-30), Y: vg.Points(6)} // above the line, or below it
		if i > 0 {
			labels.Offset = vg.Point{X: vg.Points(6), Y: vg.Points(-14)}
		}
		for j := range labels.TextStyle {
			labels.TextStyle[j].Color = line.Color
		}
		p.Add(line, points, labels)
		p.Legend.Add(mode, line, points)
	}
	p.X.Min /= 2 // room for the labels
	p.X.Max *= 3
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(cmp.Or(p.Y.Min, 1)))), math.Pow(10, math.Ceil(math.Log10(p.Y.Max)))
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(2)
	return p.Save(18*vg.Centimeter, 11*vg.Centimeter, file)
}
