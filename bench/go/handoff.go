// Handing work to goroutines and bringing it back, for the rows of bench/handoff.
//
//	handoff-go SHAPE THREADS IN_FLIGHT JOBS
//
// A job is a function sent on a channel to THREADS goroutines, and home is a function sent on the
// channel that the main goroutine reads: the loop. Prints ns, CPU ns and context switches for each.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

type course struct {
	threads, inFlight, jobs int
}

// What is in the books: ns, CPU ns, context switches.
type books [3]float64

func readBooks() books {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return books{float64(time.Now().UnixNano()),
		float64(used.Utime.Nano() + used.Stime.Nano()), float64(used.Nvcsw + used.Nivcsw)}
}

// The pool: all that is sent is called by one of its goroutines.
func newPool(threads, room int) chan func() {
	pool := make(chan func(), room)
	for i := 0; i < threads; i++ {
		go func() {
			for job := range pool {
				job()
			}
		}()
	}
	return pool
}

func trips(is course) books {
	pool := newPool(is.threads, is.inFlight)
	loop := make(chan func(), is.inFlight)
	toSend, toCome := is.jobs-is.inFlight, is.jobs
	var work, home func()
	work = func() { loop <- home }
	home = func() {
		if toSend > 0 {
			toSend--
			pool <- work
		}
		toCome--
	}
	begun := readBooks()
	for i := 0; i < is.inFlight; i++ {
		pool <- work
	}
	for toCome > 0 {
		(<-loop)()
	}
	return since(begun, func() { close(pool) })
}

func alone(is course) books {
	pool := newPool(is.threads, 1024)
	done := make(chan bool)
	toDo := int64(is.jobs)
	job := func() {
		if atomic.AddInt64(&toDo, -1) == 0 {
			done <- true
		}
	}
	begun := readBooks()
	for i := 0; i < is.jobs; i++ {
		pool <- job
	}
	<-done
	return since(begun, func() { close(pool) })
}

func calls(is course) books {
	loop := make(chan func(), 1024)
	toCome := is.jobs / is.threads * is.threads
	call := func() { toCome-- }
	begun := readBooks()
	for i := 0; i < is.threads; i++ {
		go func() {
			for i := 0; i < is.jobs/is.threads; i++ {
				loop <- call
			}
		}()
	}
	for toCome > 0 {
		(<-loop)()
	}
	return since(begun, func() {})
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	left := make(chan int, 1)
	go func() { left <- fib(n - 1) }()
	right := fib(n - 2)
	return <-left + right
}

func forks(course) books {
	begun := readBooks()
	if fib(25) != 75025 {
		panic("fib(25)")
	}
	return since(begun, func() {})
}

func since(begun books, end func()) books {
	now := readBooks()
	for i := range now {
		now[i] -= begun[i]
	}
	end()
	return now
}

func main() {
	shapes := map[string]func(course) books{
		"trips": trips, "alone": alone, "idle": trips, "calls": calls, "forks": forks}
	var numbers [3]int
	if len(os.Args) != 5 || shapes[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: handoff-go SHAPE THREADS IN_FLIGHT JOBS")
		os.Exit(2)
	}
	for i := range numbers {
		number, err := strconv.Atoi(os.Args[i+2])
		if err != nil {
			panic(err)
		}
		numbers[i] = number
	}
	is := course{numbers[0], numbers[1], numbers[2]}
	shapes[os.Args[1]](is) // the second time counts, as for all
	took := shapes[os.Args[1]](is)
	fmt.Println(took[0]/float64(is.jobs), took[1]/float64(is.jobs), took[2]/float64(is.jobs))
}
