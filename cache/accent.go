package cache

import (
	"strings"
	"unicode/utf8"
)

// An accented letter is written as one character or as a letter and a mark that combines with it. Texts are analysed in the first form,
// so that the two are one word. The models see neither form's accents: to them schön is schon, and año ano.

// accented are the Latin letters that Unicode composes, by their marks: letter, composed letter, letter, composed letter.
var accented = []struct {
	mark  rune
	pairs string
}{
	{0x0300, "AÀEÈIÌOÒUÙaàeèiìoòuùÜǛüǜNǸnǹĒḔēḕŌṐōṑWẀwẁÂẦâầĂẰăằÊỀêềÔỒôồƠỜơờƯỪưừYỲyỳ"},
	{0x0301, "AÁEÉIÍOÓUÚYÝaáeéiíoóuúyýCĆcćLĹlĺNŃnńRŔrŕSŚsśZŹzźÜǗüǘGǴgǵÅǺåǻÆǼæǽØǾøǿÇḈçḉĒḖēḗÏḮïḯKḰkḱMḾmḿÕṌõṍŌṒōṓPṔpṕŨṸũṹWẂwẃÂẤâấĂẮăắÊẾêếÔỐôốƠỚơớƯỨưứ"},
	{0x0302, "AÂEÊIÎOÔUÛaâeêiîoôuûCĈcĉGĜgĝHĤhĥJĴjĵSŜsŝWŴwŵYŶyŷZẐzẑẠẬạậẸỆẹệỌỘọộ"},
	{0x0303, "AÃNÑOÕaãnñoõIĨiĩUŨuũVṼvṽÂẪâẫĂẴăẵEẼeẽÊỄêễÔỖôỗƠỠơỡƯỮưữYỸyỹ"},
	{0x0304, "AĀaāEĒeēIĪiīOŌoōUŪuūÜǕüǖÄǞäǟȦǠȧǡÆǢæǣǪǬǫǭÖȪöȫÕȬõȭȮȰȯȱYȲyȳGḠgḡḶḸḷḹṚṜṛṝ"},
	{0x0306, "AĂaăEĔeĕGĞgğIĬiĭOŎoŏUŬuŭȨḜȩḝẠẶạặ"},
	{0x0307, "CĊcċEĖeėGĠgġIİZŻzżAȦaȧOȮoȯBḂbḃDḊdḋFḞfḟHḢhḣMṀmṁNṄnṅPṖpṗRṘrṙSṠsṡŚṤśṥŠṦšṧṢṨṣṩTṪtṫWẆwẇXẊxẋYẎyẏſẛ"},
	{0x0308, "AÄEËIÏOÖUÜaäeëiïoöuüyÿYŸHḦhḧÕṎõṏŪṺūṻWẄwẅXẌxẍtẗ"},
	{0x0309, "AẢaảÂẨâẩĂẲăẳEẺeẻÊỂêểIỈiỉOỎoỏÔỔôổƠỞơởUỦuủƯỬưửYỶyỷ"},
	{0x030A, "AÅaåUŮuůwẘyẙ"},
	{0x030B, "OŐoőUŰuű"},
	{0x030C, "CČcčDĎdďEĚeěLĽlľNŇnňRŘrřSŠsšTŤtťZŽzžAǍaǎIǏiǐOǑoǒUǓuǔÜǙüǚGǦgǧKǨkǩƷǮʒǯjǰHȞhȟ"},
	{0x030F, "AȀaȁEȄeȅIȈiȉOȌoȍRȐrȑUȔuȕ"},
	{0x0311, "AȂaȃEȆeȇIȊiȋOȎoȏRȒrȓUȖuȗ"},
	{0x031B, "OƠoơUƯuư"},
	{0x0323, "BḄbḅDḌdḍHḤhḥKḲkḳLḶlḷMṂmṃNṆnṇRṚrṛSṢsṣTṬtṭVṾvṿWẈwẉZẒzẓAẠaạEẸeẹIỊiịOỌoọƠỢơợUỤuụƯỰưựYỴyỵ"},
	{0x0324, "UṲuṳ"},
	{0x0325, "AḀaḁ"},
	{0x0326, "SȘsșTȚtț"},
	{0x0327, "CÇcçGĢgģKĶkķLĻlļNŅnņRŖrŗSŞsşTŢtţEȨeȩDḐdḑHḨhḩ"},
	{0x0328, "AĄaąEĘeęIĮiįUŲuųOǪoǫ"},
	{0x032D, "DḒdḓEḘeḙLḼlḽNṊnṋTṰtṱUṶuṷ"},
	{0x032E, "HḪhḫ"},
	{0x0330, "EḚeḛIḬiḭUṴuṵ"},
	{0x0331, "BḆbḇDḎdḏKḴkḵLḺlḻNṈnṉRṞrṟTṮtṯZẔzẕhẖ"},
}

// uncomposed are the letter and the mark of accented letters, precomposed is the way back.
var uncomposed, precomposed = func() (map[rune][2]rune, map[[2]rune]rune) {
	apart, whole := map[rune][2]rune{}, map[[2]rune]rune{}
	for _, a := range accented {
		var letter rune
		for i, r := range []rune(a.pairs) {
			if i%2 == 0 {
				letter = r
				continue
			}
			apart[r], whole[[2]rune{letter, a.mark}] = [2]rune{letter, a.mark}, r
		}
	}
	return apart, whole
}()

func isCombining(r rune) bool { return 0x300 <= r && r < 0x370 }

// compose writes each letter and its mark as one character.
func compose(text string) string {
	if strings.IndexByte(text, 0xCC) < 0 && strings.IndexByte(text, 0xCD) < 0 { // what marks begin with in UTF-8
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		last, size := utf8.DecodeLastRune(out)
		if whole := precomposed[[2]rune{last, r}]; isCombining(r) && whole != 0 {
			out = utf8.AppendRune(out[:len(out)-size], whole)
		} else {
			out = append(out, text[i:i+n]...) // bytes that are no UTF-8 stay what they are
		}
		i += n
	}
	return string(out)
}

// letter returns the first letter of a word without its accents, what those are, 0 if there are none, and how many bytes it takes.
func letter(s string) (base rune, marks, size int) {
	base, size = utf8.DecodeRuneInString(s)
	for apart, ok := uncomposed[base]; ok; apart, ok = uncomposed[base] {
		base, marks = apart[0], marks<<7|int(apart[1]-0x2FF)
	}
	for {
		r, n := utf8.DecodeRuneInString(s[size:])
		if !isCombining(r) {
			return base, marks, size
		}
		marks, size = marks<<7|int(r-0x2FF), size+n
	}
}

// unaccented returns a word without accents.
func unaccented(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		base, _, n := letter(s)
		b.WriteRune(base)
		s = s[n:]
	}
	return b.String()
}

// accents compares two words: alike, they are one but for accents; apart, each has an accent that the other has not (pêche, péché). Where
// only one has (résumé, resumé), the other may have been typed without.
func accents(x, y string) (alike, apart bool) {
	moreX, moreY := false, false
	for x != "" && y != "" {
		base, marks, n := letter(x)
		other, otherMarks, m := letter(y)
		if base != other {
			return false, false
		}
		if marks != otherMarks {
			moreX, moreY = moreX || marks != 0, moreY || otherMarks != 0
		}
		x, y = x[n:], y[m:]
	}
	return x == y, moreX && moreY
}
