package config

import "strings"

// suggestion proposes the flag whose name is nearest to a mistyped one, as the
// end of a sentence, or nothing when none is near.
func (l *loader) suggestion(name string) string {
	bare := strings.TrimPrefix(name, "no_")
	best, least := "", len(bare)/3+1
	for _, f := range l.table.flags {
		for _, known := range append([]string{f.name}, f.aliases...) {
			if d := distance(bare, known); d < least {
				best, least = known, d
			}
		}
	}
	if best == "" {
		return "; --help lists all"
	}
	return "; did you mean --" + best + "?"
}

// distance counts the letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
