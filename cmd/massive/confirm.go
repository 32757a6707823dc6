package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"golang.org/x/term"
)

// confirm prints a question and returns nil if the answer is yes. Skip means yes.
func (a *app) confirm(ctx context.Context, skip bool, question string) error {
	ok, err := a.ask(ctx, skip, question)
	if err == nil && !ok {
		err = exit{exitFindings, fmt.Errorf("nothing was changed")}
	}
	return err
}

// ask returns whether the answer is yes.
func (a *app) ask(ctx context.Context, skip bool, question string) (bool, error) {
	if skip {
		return true, nil
	}
	if !term.IsTerminal(int(a.in.Fd())) {
		return false, usage("%s The command can't ask, because standard input is not a terminal; --yes answers the question", question)
	}
	fmt.Fprint(a.progress, printable(question), " [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // no answer means no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case text := <-answer:
		return text == "y" || text == "yes", nil
	}
}
