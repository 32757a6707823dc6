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
	"math"
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
		Doubling    spread  `json:"ratio_to_half"`
		Worse       float64 `json:"worse"`
	} `json:"growth"`
}

type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// How drivers and modes are drawn, in their order: in colours that the colour-blind tell apart, too (Okabe and Ito), and
// in shapes.
var (
	looks = []draw.GlyphStyle{
		{Color: color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, Shape: draw.CircleGlyph{}, Radius: vg.Points(3)},
		{Color: color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, Shape: draw.BoxGlyph{}, Radius: vg.Points(2.7)},
		{Color: color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, Shape: draw.PyramidGlyph{}, Radius: vg.Points(3)},
		{Color: color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, Shape: draw.TriangleGlyph{}, Radius: vg.Points(3)},
	}
	barStyle = draw.LineStyle{Color: color.RGBA{R: 0x33, G: 0x33, B: 0x33, A: 0xff}, Width: vg.Points(2)}
	rowStyle = draw.LineStyle{Color: color.RGBA{R: 0xe0, G: 0xe0, B: 0xe0, A: 0xff}, Width: vg.Points(0.5)}
)

func look(mode int) draw.GlyphStyle { return looks[mode%len(looks)] }

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

// ratios draws each line that has a bar for its ratio, in a row of its own, with a mark for each driver and mode.
func ratios(r run, file string) error {
	var names, modes []string
	limits := map[string]float64{}
	for _, l := range r.Lines {
		limit, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(l.Bar, "≤ "), " ×"), 64)
		if err != nil {
			continue // its bar is no ratio
		}
		if limits[l.Line] = limit; !slices.Contains(names, l.Line) {
			names = append(names, l.Line)
		}
		if !slices.Contains(modes, l.Mode) {
			modes = append(modes, l.Mode)
		}
	}
	if names == nil {
		return errors.New("the results have no ratios")
	}
	p := plot.New()
	p.Title.Text = "Time beside the bare driver's: medians and quartiles. The dark strokes are the bars."
	p.X.Label.Text = "ratio"
	p.X.Tick.Marker = plot.TickerFunc(tenths)
	slices.Reverse(names) // the first on top
	p.NominalY(names...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1.3, -0.5, float64(len(names))+float64(len(modes))*0.3
	grid := plotter.NewGrid()
	grid.Vertical, grid.Horizontal = rowStyle, draw.LineStyle{}
	p.Add(grid)

	for row, name := range names {
		y := float64(row)
		if err := stroke(p, rowStyle, plotter.XYs{{X: 0, Y: y + 0.5}, {X: 10, Y: y + 0.5}}); err != nil {
			return err
		}
		if err := stroke(p, barStyle, plotter.XYs{{X: limits[name], Y: y - 0.42}, {X: limits[name], Y: y + 0.42}}); err != nil {
			return err
		}
	}
	most := p.X.Max
	for i, m := range modes {
		var marks struct {
			plotter.XYs
			plotter.XErrors
		}
		for _, l := range r.Lines {
			if row := slices.Index(names, l.Line); row >= 0 && l.Mode == m {
				marks.XYs = append(marks.XYs, plotter.XY{X: l.Ratio.Median, Y: float64(row) + 0.2*(1.5-float64(i))})
				marks.XErrors = append(marks.XErrors, struct{ Low, High float64 }{l.Ratio.Median - l.Ratio.Low, l.Ratio.High - l.Ratio.Median})
				most = max(most, l.Ratio.High+0.05)
			}
		}
		scatter, err := plotter.NewScatter(marks.XYs)
		if err != nil {
			return err
		}
		whiskers, err := plotter.NewXErrorBars(marks)
		if err != nil {
			return err
		}
		scatter.GlyphStyle, whiskers.Color, whiskers.CapWidth = look(i), look(i).Color, vg.Points(3)
		p.Add(whiskers, scatter)
		p.Legend.Add(m, scatter)
	}
	p.X.Max = most
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(2)
	return p.Save(22*vg.Centimeter, (vg.Length(len(names))+3)*vg.Centimeter, file)
}

// tenths are ticks a tenth apart, further where that would be too many, each with its number.
func tenths(low, high float64) (ticks []plot.Tick) {
	step := 0.1
	for (high-low)/step > 20 {
		step *= 5
	}
	for i := 0; float64(i)*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: float64(i) * step, Label: strconv.FormatFloat(float64(i)*step, 'f', 1, 64)})
	}
	return ticks
}

// stroke draws a line that is in no legend, and leaves the axes as they are.
func stroke(p *plot.Plot, style draw.LineStyle, points plotter.XYs) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.LineStyle = style
	x, y := p.X, p.Y
	p.Add(line)
	p.X, p.Y = x, y
	return nil
}

// growth draws how long a load takes by the number of structures, on axes of powers of ten, where a straight line of
// slope one is linear, and says at each point how it is to a load of half as many.
func growth(r run, file string) error {
	lines, halves := map[string]plotter.XYs{}, map[string][]string{}
	var modes []string
	bar := 0.0
	for _, g := range r.Growth {
		bar = g.Doubling.Median / g.Worse
		if !slices.Contains(modes, g.Mode) {
			modes = append(modes, g.Mode)
		}
		lines[g.Mode] = append(lines[g.Mode], plotter.XY{X: float64(g.Structures), Y: g.Nanoseconds / 1e6})
		halves[g.Mode] = append(halves[g.Mode], fmt.Sprintf("%.2f ×", g.Doubling.Median))
	}
	if modes == nil {
		return errors.New("the results have no growth")
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("A load, by the number of structures. At each point: beside half of them; the bar is %.2f ×.", bar)
	p.Title.TextStyle.Font.Size = vg.Points(11)
	p.X.Label.Text, p.Y.Label.Text = "structures", "ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Add(plotter.NewGrid())
	for i, m := range modes {
		line, points, err := plotter.NewLinePoints(lines[m])
		if err != nil {
			return err
		}
		line.Color, points.GlyphStyle = look(i).Color, look(i)
		labels, err := plotter.NewLabels(plotter.XYLabels{XYs: lines[m], Labels: halves[m]})
		if err != nil {
			return err
		}
		// Above the first line, beneath the others, which lie lower.
		labels.Offset = vg.Point{X: vg.Points(-14), Y: vg.Points(8)}
		if i > 0 {
			labels.Offset = vg.Point{X: vg.Points(4), Y: vg.Points(-14)}
		}
		for j := range labels.TextStyle {
			labels.TextStyle[j].Color = look(i).Color
			labels.TextStyle[j].Font.Size = vg.Points(9)
		}
		p.Add(line, points, labels)
		p.Legend.Add(m, line, points)
	}
	// Whole powers of ten at either end, but for a little room where the last number stands.
	p.X.Max *= 1.8
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(p.Y.Min))), math.Pow(10, math.Ceil(math.Log10(p.Y.Max)))
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(2)
	return p.Save(18*vg.Centimeter, 11*vg.Centimeter, file)
}
