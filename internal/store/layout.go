package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/uptrace/bun"
)

// layout says which field of a row of Bun's has which column, so that a row has one
// definition whichever way it is read or written. It is worked out once a type.
type layout struct {
	table, alias string
	fields       []layoutField
	byColumn     map[string]int
}

type layoutField struct {
	column   string
	index    []int        // reflect's
	nullZero bool         // the zero value is written as NULL
	scanOnly bool         // it is read and never written
	isID     bool         // it is an id of ours
	read     reflect.Type // as what pgx reads it
}

func newLayoutField(column, options string, t reflect.Type, index []int) layoutField {
	f := layoutField{column: column, index: index, nullZero: strings.Contains(options, "nullzero"), scanOnly: strings.Contains(options, "scanonly"), read: t}
	f.isID = reflect.PointerTo(t).Implements(reflect.TypeFor[settable]())
	switch {
	case t == reflect.TypeFor[time.Time]():
		f.read = reflect.TypeFor[timePlace]()
	case t.Kind() == reflect.String:
		f.read = reflect.TypeFor[textPlace]()
	case t.Kind() == reflect.Int:
		f.read = reflect.TypeFor[intPlace]()
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		f.read = reflect.TypeFor[[]byte]()
	}
	return f
}

// settable is implemented by pointers to every kind of id.
type settable interface{ SetUUID(uuid.UUID) }

var layouts sync.Map // of *layout by reflect.Type

// layoutOf returns the layout of the row that row points to.
func layoutOf(row any) *layout {
	t := reflect.TypeOf(row).Elem()
	if known, ok := layouts.Load(t); ok {
		return known.(*layout)
	}
	l := &layout{byColumn: map[string]int{}}
	l.read(t, nil, "")
	for i, f := range l.fields {
		l.byColumn[f.column] = i
	}
	layouts.Store(t, l)
	return l
}

// read adds the fields of a struct, as Bun reads its tags.
func (l *layout) read(t reflect.Type, above []int, prefix string) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(above[:len(above):len(above)], i)
		name, options, _ := strings.Cut(f.Tag.Get("bun"), ",")
		embed, embedded := strings.CutPrefix(name, "embed:")
		switch {
		case f.Type == reflect.TypeFor[bun.BaseModel]():
			if table, is := strings.CutPrefix(name, "table:"); is {
				l.table, l.alias = table, strings.TrimPrefix(options, "alias:")
			}
		case embedded:
			l.read(f.Type, index, prefix+embed)
		case f.Anonymous:
			l.read(f.Type, index, prefix)
		default:
			l.fields = append(l.fields, newLayoutField(prefix+name, options, f.Type, index))
		}
	}
}

// field returns the field of a column that the row has.
func (l *layout) field(column string) *layoutField {
	i, ok := l.byColumn[column]
	if !ok {
		panic(fmt.Sprintf("a row of %s has no column %q", l.table, column))
	}
	return &l.fields[i]
}

// places returns where the columns of an answer go in a row.
func (l *layout) places(row any, columns []pgconn.FieldDescription) ([]any, error) {
	v := reflect.ValueOf(row).Elem()
	into := make([]any, len(columns))
	for i := range columns {
		at, ok := l.byColumn[columns[i].Name]
		if !ok {
			return nil, fmt.Errorf("a row of %s has no place for the column %q", v.Type(), columns[i].Name)
		}
		into[i] = l.fields[at].place(v)
	}
	return into, nil
}

// place returns where a row's value is read into. NULL becomes the zero value.
func (f *layoutField) place(row reflect.Value) any {
	to := row.FieldByIndex(f.index).Addr()
	if f.isID {
		return idPlace{to.Interface().(settable)}
	}
	return reflect.NewAt(f.read, to.UnsafePointer()).Interface()
}

// argument returns a field's value as an argument.
func (f *layoutField) argument(row any) any {
	v := reflect.ValueOf(row).Elem().FieldByIndex(f.index)
	if f.nullZero && v.IsZero() {
		return nil
	}
	switch value := v.Interface().(type) {
	case interface {
		UUID() uuid.UUID
		IsZero() bool
	}:
		if value.IsZero() {
			return nil
		}
		return uuidOf(value.UUID())
	case []string:
		return arrayText(value)
	case json.RawMessage:
		return string(value)
	case map[string]any:
		return jsonObject(value)
	default:
		if v.Kind() == reflect.String {
			return v.String()
		}
		return value
	}
}

// arrayText writes an array as PostgreSQL reads it, of whatever type it is there.
func arrayText(list []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var out strings.Builder
	out.WriteByte('{')
	for i, text := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('"')
		out.WriteString(escape.Replace(text))
		out.WriteByte('"')
	}
	out.WriteByte('}')
	return out.String()
}

// The next ones are places into which values are read. NULL is the zero value, as
// with Bun.
type (
	idPlace   struct{ id settable }
	textPlace string
	intPlace  int
	timePlace time.Time
)

// ScanUUID implements pgtype.UUIDScanner.
func (p idPlace) ScanUUID(v pgtype.UUID) error {
	p.id.SetUUID(v.Bytes)
	return nil
}

// ScanText implements pgtype.TextScanner.
func (p *textPlace) ScanText(v pgtype.Text) error {
	*p = textPlace(v.String)
	return nil
}

// ScanInt64 implements pgtype.Int64Scanner.
func (p *intPlace) ScanInt64(v pgtype.Int8) error {
	*p = intPlace(v.Int64)
	return nil
}

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (p *timePlace) ScanTimestamptz(v pgtype.Timestamptz) error {
	*p = timePlace(v.Time.UTC())
	return nil
}

// ScanDate implements pgtype.DateScanner.
func (p *timePlace) ScanDate(v pgtype.Date) error {
	*p = timePlace(v.Time.UTC())
	return nil
}
