import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintWriter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/** Runs the tests of a class; the status is 1 where one fails, and 2 where there are none. */
final class RunTests {
  private RunTests() {}

  public static void main(String[] arguments) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request().selectors(selectClass(arguments[0])).build();
    SummaryGeneratingListener found = new SummaryGeneratingListener();
    LauncherFactory.create().execute(request, found);
    found.getSummary().printFailuresTo(new PrintWriter(System.out), 2);
    if (found.getSummary().getTestsFoundCount() == 0) {
      System.exit(2);
    }
    System.exit(found.getSummary().getTotalFailureCount() == 0 ? 0 : 1);
  }
}
