import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Handing work to Java's executors and bringing it back, for the rows of bench/handoff:
 *
 *     java Handoff SHAPE THREADS IN_FLIGHT JOBS
 *
 * The pool is what newFixedThreadPool() makes, and the loop a LinkedBlockingQueue that the main
 * thread reads. Prints ns, CPU ns and context switches for each.
 */
public class Handoff {
    private static final com.sun.management.OperatingSystemMXBean SYSTEM =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final int threads;
    private final int inFlight;
    private final int jobs;
    private final LinkedBlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
    private ThreadPoolExecutor pool;
    private int toSend;
    private int toCome;
    private double[] begun;
    private double[] took;

    private Handoff(int threads, int inFlight, int jobs) {
        this.threads = threads;
        this.inFlight = inFlight;
        this.jobs = jobs;
    }

    /** What the threads that there are have switched so far; those of a pool are all there. */
    private static double switches() throws IOException {
        double sum = 0;
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : (Iterable<Path>) tasks::iterator) {
                sum += switchesOf(task.resolve("status"));
            }
        }
        return sum;
    }

    private static double switchesOf(Path status) {
        double sum = 0;
        try {
            for (String line : Files.readAllLines(status)) {
                if (line.contains("ctxt_switches:")) {
                    sum += Double.parseDouble(line.substring(line.indexOf(':') + 1).trim());
                }
            }
        } catch (IOException e) {
            return 0; // the thread has ended since
        }
        return sum;
    }

    private void begin() throws IOException {
        double before = switches();
        begun = new double[] {System.nanoTime(), SYSTEM.getProcessCpuTime(), before};
    }

    private void end() throws IOException {
        took = new double[] {System.nanoTime() - begun[0], SYSTEM.getProcessCpuTime() - begun[1], 0};
        took[2] = switches() - begun[2];
    }

    private void openPool() {
        pool = new ThreadPoolExecutor(threads, threads, 0, TimeUnit.SECONDS,
            new LinkedBlockingQueue<>());
        pool.prestartAllCoreThreads();
    }

    private void closePool() throws InterruptedException {
        pool.shutdown();
        pool.awaitTermination(1, TimeUnit.MINUTES);
    }

    private void work() {
        loop.add(this::home);
    }

    private void home() {
        if (toSend > 0) {
            toSend--;
            pool.execute(this::work);
        }
        toCome--;
    }

    private void runLoop() throws InterruptedException {
        while (toCome > 0) {
            loop.take().run();
        }
    }

    private void trips() throws Exception {
        toSend = jobs - inFlight;
        toCome = jobs;
        openPool();
        begin();
        for (int i = 0; i < inFlight; i++) {
            pool.execute(this::work);
        }
        runLoop();
        end();
        closePool();
    }

    private void alone() throws Exception {
        AtomicLong toDo = new AtomicLong(jobs);
        CountDownLatch done = new CountDownLatch(1);
        Runnable job = () -> {
            if (toDo.decrementAndGet() == 0) {
                done.countDown();
            }
        };
        openPool();
        begin();
        for (int i = 0; i < jobs; i++) {
            pool.execute(job);
        }
        done.await();
        end();
        closePool();
    }

    private void calls() throws Exception {
        Thread[] producers = new Thread[threads];
        int each = jobs / threads;
        toCome = each * threads;
        begin();
        for (int i = 0; i < threads; i++) {
            producers[i] = new Thread(() -> {
                for (int j = 0; j < each; j++) {
                    loop.add(() -> toCome--);
                }
            });
            producers[i].start();
        }
        runLoop();
        end();
        for (Thread producer : producers) {
            producer.join();
        }
        took[2] = Double.NaN; // some producers may have ended, and taken their count with them
    }

    private static final class Fib extends RecursiveTask<Integer> {
        private static final long serialVersionUID = 1;
        private final int n;

        Fib(int n) {
            this.n = n;
        }

        @Override protected Integer compute() {
            if (n < 2) {
                return n;
            }
            Fib left = new Fib(n - 1);
            left.fork();
            int right = new Fib(n - 2).compute();
            return left.join() + right;
        }
    }

    private void forks() throws Exception {
        ForkJoinPool forkJoin = new ForkJoinPool(threads);
        begin();
        int sum = forkJoin.invoke(new Fib(25));
        end();
        forkJoin.shutdown();
        if (sum != 75025) {
            throw new IllegalStateException("fib(25)");
        }
    }

    private void run(String shape) throws Exception {
        switch (shape) {
            case "trips": case "idle": trips(); break;
            case "alone": alone(); break;
            case "calls": calls(); break;
            case "forks": forks(); break;
            default: throw new IllegalArgumentException(shape);
        }
    }

    /** Compiled only after a while: so it runs for a second, or as long as one likes, before. */
    public static void main(String[] arguments) throws Exception {
        Handoff handoff = new Handoff(Integer.parseInt(arguments[1]), Integer.parseInt(arguments[2]),
            Integer.parseInt(arguments[3]));
        String warmMs = System.getenv().getOrDefault("TWINE_BENCH_WARM_MS", "1000");
        long warm = System.nanoTime() + Long.parseLong(warmMs) * 1_000_000L;
        do {
            handoff.run(arguments[0]);
        } while (System.nanoTime() < warm);
        handoff.run(arguments[0]);
        StringBuilder line = new StringBuilder();
        for (double number : handoff.took) {
            line.append(String.format(Locale.ROOT, "%.4f ", number / handoff.jobs));
        }
        System.out.println(line.toString().trim());
    }
}
