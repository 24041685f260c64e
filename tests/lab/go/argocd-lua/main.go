// argocd-lua runs the scripts by which Argo CD judges and changes an object, as Argo CD runs them: in gopher-lua with the
// libraries base, table and package, and of os only date and time, which a script has to require; for at most a second.
// It reads a JSON array of {"script", "object"} and writes a JSON array of {"result"} or {"error"}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

const patience = time.Second

type job struct {
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

type outcome struct {
	Result any    `json:"result,omitempty"`
	Error  string `json:"error,omitempty"`
}

func main() {
	var jobs []job
	if err := json.NewDecoder(os.Stdin).Decode(&jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	outcomes := make([]outcome, 0, len(jobs))
	for _, each := range jobs {
		result, err := run(each)
		if err != nil {
			outcomes = append(outcomes, outcome{Error: err.Error()})
		} else {
			outcomes = append(outcomes, outcome{Result: result})
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(outcomes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(given job) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	state.PreloadModule(lua.OsLibName, dateAndTime)
	limited, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state.SetContext(limited)
	state.SetGlobal("obj", toLua(state, given.Object))
	if err := state.DoString(given.Script); err != nil {
		return nil, err
	}
	returned, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return nil, fmt.Errorf("the script returns a %s, not a table", state.Get(-1).Type())
	}
	return fromLua(returned)
}

// dateAndTime is what Argo CD leaves of the library os.
func dateAndTime(state *lua.LState) int {
	functions := map[string]lua.LGFunction{
		"time": func(state *lua.LState) int {
			state.Push(lua.LNumber(time.Now().Unix()))
			return 1
		},
		"date": func(state *lua.LState) int {
			now, form := time.Now(), state.CheckString(1)
			if strings.HasPrefix(form, "!") {
				now, form = now.UTC(), form[1:]
			}
			places := strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05")
			state.Push(lua.LString(now.Format(places.Replace(form))))
			return 1
		},
	}
	state.Push(state.SetFuncs(state.NewTable(), functions))
	return 1
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case float64:
		return lua.LNumber(known)
	case string:
		return lua.LString(known)
	case []any:
		table := state.NewTable()
		for _, item := range known {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}

// fromLua makes an empty table an empty list, as the JSON library of Argo CD does: Lua knows no difference.
func fromLua(value lua.LValue) (any, error) {
	switch known := value.(type) {
	case lua.LBool:
		return bool(known), nil
	case lua.LNumber:
		return float64(known), nil
	case lua.LString:
		return string(known), nil
	case *lua.LTable:
		return fromTable(known)
	}
	return nil, fmt.Errorf("a %s has no form in JSON", value.Type())
}

func fromTable(table *lua.LTable) (any, error) {
	list, object := []any{}, map[string]any{}
	var wrong error
	table.ForEach(func(key, item lua.LValue) {
		plain, err := fromLua(item)
		if err != nil {
			wrong = errors.Join(wrong, err)
		}
		if name, isName := key.(lua.LString); isName {
			object[string(name)] = plain
		} else {
			list = append(list, plain)
		}
	})
	if len(object) > 0 && len(list) > 0 {
		return nil, errors.Join(wrong, errors.New("a table with both names and numbers as keys has no form in JSON"))
	}
	if len(object) > 0 {
		return object, wrong
	}
	return list, wrong
}
