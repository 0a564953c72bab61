import java.util.concurrent.CompletableFuture;

/** In Java: a CompletableFuture with ten thenApply in a row, completed. The best of some slices. */
public class Deferred {
    private static int sum;

    private static void once() {
        CompletableFuture<Integer> first = new CompletableFuture<>();
        CompletableFuture<Integer> last = first;
        for (int i = 0; i < 10; i++) {
            last = last.thenApply(value -> { sum += value; return value; });
        }
        first.complete(1);
    }

    public static void main(String[] arguments) {
        final int count = 20000;
        double best = Double.MAX_VALUE;
        for (int slice = 0; slice < 50; slice++) {
            long begin = System.nanoTime();
            for (int i = 0; i < count; i++) {
                once();
            }
            best = Math.min(best, (System.nanoTime() - begin) / (double) count);
        }
        System.out.printf("%.1f%n", best);
    }
}
