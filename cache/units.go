package cache

import (
	"math"
	"strconv"
	"strings"
)

// measure is a unit of measure, or a currency. Quantities of one dimension are compared in its first unit.
type measure struct {
	name     string // the first of its spellings
	dim      string
	factor   float64 // of the dimension's first unit; for a currency, of itself
	offset   float64 // added after multiplying: degrees Fahrenheit
	loose    bool    // months and years, whose length in days is no one number
	currency bool
	alt      *measure // what the spelling may mean as well: pounds
}

// unitTable has a line a unit: dimension, factor, spellings. Only what stands right after a number is looked up.
const unitTable = `
time 0.001 ms msec millisecond milliseconds
time 1 second sec secs seconds
time 60 minute min mins minutes
time 3600 hour h hr hrs hours
time 86400 day days
time 604800 week wk wks weeks
time 1209600 fortnight fortnights
time 2629746 month months mth mths
time 31556952 year yr yrs years
time 315569520 decade decades
mass 0.001 mg milligram milligrams milligramme milligrammes
mass 0.000001 mcg µg microgram micrograms
mass 1 gram g gm grams gramme grammes
mass 1000 kilogram kg kgs kilo kilos kilograms
mass 1000000 tonne tonnes
mass 28.349523 ounce oz ounces
mass 453.59237 lb lbs
mass 6350.29318 stone
length 0.001 mm millimetre millimetres millimeter millimeters
length 0.01 cm centimetre centimetres centimeter centimeters
length 1 metre metres meter meters
length 1000 km kms kilometre kilometres kilometer kilometers
length 0.0254 inch inches
length 0.3048 foot ft feet
length 0.9144 yard yd yards
length 1609.344 mile mi miles
volume 0.001 ml millilitre millilitres milliliter milliliters
volume 0.01 cl centilitre centilitres
volume 1 litre l litres liter liters
volume 0.23658824 cup cups
volume 3.7854118 gallon gallons
data 1 kb kilobyte kilobytes
data 1000 mb megabyte megabytes
data 1000000 gb gig gigs gigabyte gigabytes
data 1000000000 tb terabyte terabytes
rate 1 kbps
rate 1000 mbps megabit megabits
rate 1000000 gbps gigabit gigabits
speed 1 kmh kph km/h
speed 1.609344 mph
frequency 1 hz hertz
frequency 1000 khz
frequency 1000000 mhz
frequency 1000000000 ghz
power 1 watt w watts
power 1000 kw kilowatt kilowatts
power 745.7 hp horsepower
voltage 1 volt v volts
energy 1 kwh
energy 0.001 kcal cal calorie calories
pixels 1 megapixel mp megapixels
usd 1 $ usd dollar dollars buck bucks
gbp 1 £ gbp quid
gbp 0.01 pence
eur 1 € eur euro euros
inr 1 ₹ inr rs rupee rupees
jpy 1 ¥ jpy yen
share 0.01 % percent pct
`

var units = func() map[string]*measure {
	m := map[string]*measure{}
	for line := range entries(unitTable) {
		f := strings.Fields(line)
		factor, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			panic("cache: unit table: " + line)
		}
		u := &measure{name: f[2], dim: f[0], factor: factor}
		u.loose = u.dim == "time" && factor > 2e6
		u.currency = len(u.dim) == 3
		for _, s := range f[2:] {
			m[s] = u
		}
	}
	celsius := &measure{name: "°c", dim: "temperature", factor: 1}
	fahrenheit := &measure{name: "°f", dim: "temperature", factor: 5.0 / 9, offset: -32 * 5.0 / 9}
	m["°c"], m["celsius"], m["c"], m["centigrade"] = celsius, celsius, celsius, celsius
	m["°f"], m["fahrenheit"], m["f"] = fahrenheit, fahrenheit, fahrenheit
	pound := &measure{name: "pound", dim: "gbp", factor: 1, alt: m["lb"]}
	m["pound"], m["pounds"] = pound, pound
	return m
}()

// as returns the unit in the meaning that fits the other's dimension.
func (u *measure) as(o *measure) *measure {
	if u.alt != nil && u.dim != o.dim {
		return u.alt
	}
	return u
}

// comparable reports whether the two measure one thing.
func (u *measure) comparable(o *measure) bool { return u.as(o).dim == o.as(u).dim }

// equal compares quantities: in one unit exactly, else as closely as people convert.
func (u *measure) equal(x float64, o *measure, y float64) bool {
	u, o = u.as(o), o.as(u)
	if u == o {
		return x == y
	}
	if u.dim != o.dim {
		return false
	}
	tolerance := 0.005
	if u.loose != o.loose {
		tolerance = 0.03 // 30 days, a month; 52 weeks, a year
	} else if u.dim == "data" {
		tolerance = 0.03 // 1 GB is 1000 MB, or 1024
	}
	x, y = x*u.factor+u.offset, y*o.factor+o.offset
	return math.Abs(x-y) <= tolerance*max(math.Abs(x), math.Abs(y))
}

// Case tells two units apart where it tells milli from mega, and bits from bytes. Many write neither with care, so that only a
// symbol in its proper case says anything; "mw" and "gb" may be either.

// unitCase returns what the case of a unit's symbol says: "m" or "M", "b" or "B", "molar" or "metre", "Cal" or "cal"; "" if it says nothing.
func unitCase(symbol string) string {
	if len(symbol) < 2 || len(symbol) > 5 {
		return ""
	}
	switch symbol {
	case "Cal", "cal":
		return symbol
	case "mM", "µM", "μM", "nM", "pM":
		return "molar"
	case "mm", "µm", "μm", "nm", "pm":
		return "metre"
	}
	first, rest := symbol[:1], symbol[1:]
	if (first == "m" || first == "M") && properSymbols[rest] {
		return first
	}
	switch rest = strings.TrimSuffix(strings.TrimPrefix(rest, "i"), "ps"); {
	case rest == "B" && strings.Contains("kKMGTP", first), rest == "b" && strings.Contains("KMGTP", first):
		return rest
	}
	return ""
}

// properSymbols are those of units that milli and mega are both said of.
var properSymbols = map[string]bool{
	"W": true, "Wh": true, "V": true, "VA": true, "A": true, "Ah": true, "Hz": true, "Pa": true, "J": true, "N": true, "F": true,
	"H": true, "S": true, "T": true, "Ω": true, "eV": true, "Sv": true, "Bq": true, "Gy": true,
}

// sameUnitCase compares what unitCase returned. Where one says nothing, it may be the other.
func sameUnitCase(x, y string) bool { return x == "" || y == "" || x == y }
