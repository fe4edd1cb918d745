using System.Text.Json;
using EmailRouter.Lab.Demo;
using EmailRouter.Lab.Samples;
using EmailRouter.Lab.Seed;
using EmailRouter.Routing;

namespace EmailRouter.Lab.Tests.Demo;

public sealed class LabDemoTests
{
    [Fact]
    public async Task Every_decision_is_the_expected_one()
    {
        await using LabSession session = await LabSession.StartAsync();
        DemoResult result = await new LabDemo(session, TimeProvider.System).RunAsync(default);

        var report = new StringWriter();
        DemoReport.Write(result, report);
        Assert.True(result.IsAsExpected, report.ToString());
        Assert.Equal(SampleSet.Load().Count + SeedOrganization.Emails.Count, result.Outcomes.Count);
        Assert.Contains("Quotation 17", report.ToString(), StringComparison.Ordinal);

        using var json = new MemoryStream();
        await DemoReport.WriteJsonAsync(result, json, default);
        using JsonDocument document = JsonDocument.Parse(json.ToArray());
        Assert.Equal(result.Outcomes.Count, document.RootElement.GetProperty("outcomes").GetArrayLength());
        Assert.True(document.RootElement.GetProperty("isAsExpected").GetBoolean());
    }

    [Fact]
    public void A_difference_is_shown_with_what_was_expected_and_is_no_success()
    {
        var outcome = new DemoOutcome
        {
            Name = "some.eml",
            Direction = MailDirection.Incoming,
            Phase = 1,
            Expected = "Promoted (AcceptAll)",
            Why = "It should.",
            Decisions = [],
            Differences = ["actions: expected Promoted, is none"],
        };
        var result = new DemoResult { Mailboxes = [], Outcomes = [outcome], Errors = [], Elapsed = TimeSpan.Zero };
        var report = new StringWriter();
        DemoReport.Write(result, report);

        Assert.False(result.IsAsExpected);
        Assert.Contains("some.eml differs from what was expected (Promoted (AcceptAll): It should.)", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("actions: expected Promoted, is none", report.ToString(), StringComparison.Ordinal);
        Assert.Contains("0 of 1 messages as expected", report.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "--help")]
    [InlineData(2, "--what")]
    [InlineData(2, "--json")]
    public async Task The_program_explains_its_options(int exitCode, params string[] options)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        Assert.Equal(exitCode, await LabProgram.RunAsync(options, output, error, default));
        Assert.Contains("--keep", (exitCode == 0 ? output : error).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_program_writes_JSON_and_ends_with_success()
    {
        string path = Path.GetTempFileName();
        try
        {
            var error = new StringWriter();
            Assert.Equal(0, await LabProgram.RunAsync(["--json", path], new StringWriter(), error, default));
            Assert.Equal(string.Empty, error.ToString());
            using JsonDocument document = JsonDocument.Parse(await File.ReadAllBytesAsync(path));
            Assert.True(document.RootElement.GetProperty("mailboxes").GetArrayLength() >= 15);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
