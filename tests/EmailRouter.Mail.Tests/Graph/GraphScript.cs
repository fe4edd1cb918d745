using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using EmailRouter.Mail.Graph;
using EmailRouter.Mail.Tests.Scripting;

namespace EmailRouter.Mail.Tests.Graph;

/// <summary>A scripted Graph: what the tests of this room have in common.</summary>
internal static class GraphScript
{
    public const string Address = "box@example.test";

    public const string Base = "https://graph.microsoft.com/v1.0/";

    public const string User = Base + "users/box%40example.test/";

    public static MailEndpoint Endpoint(params (string Name, string Value)[] options) =>
        new() { Host = string.Empty, Options = options.ToDictionary(o => o.Name, o => o.Value) };

    public static MailLogin Login() => new(Address, MailCredential.Token(Address, _ => new(new AccessToken("geheim.token"))));

    /// <summary>Makes a system without chance.</summary>
    public static GraphSystem NewSystem() => new() { Random = () => 0.5 };

    public static ScriptedHttp Json(this ScriptedHttp http, string body, HttpStatusCode status = HttpStatusCode.OK, params (string Name, string Value)[] headers) =>
        http.Then(status, body, "application/json", headers);

    public static ScriptedHttp Error(this ScriptedHttp http, int status, string code, string message = "in words", params (string Name, string Value)[] headers) =>
        http.Json($$$"""{"error":{"code":"{{{code}}}","message":"{{{message}}}","innerError":{"request-id":"r-1"} } }""", (HttpStatusCode)status, headers);

    public static ScriptedHttp Opens(this ScriptedHttp http) => http.Json("""{"id":"AQ","displayName":"Posteingang","totalItemCount":3}""");

    public static async Task<IMailboxSession> OpenAsync(ScriptedHttp http, params (string Name, string Value)[] options)
    {
        http.Opens();
        return await NewSystem().OpenMailboxAsync(Endpoint(options), Login(), http.Context, default);
    }

    /// <summary>Lets time pass whenever the client waits, until it is done.</summary>
    public static async Task<T> DriveAsync<T>(this ScriptedHttp http, ValueTask<T> work)
    {
        Task<T> task = work.AsTask();
        int driven = 0;
        int requests = 0;
        for (int steps = 0; !task.IsCompleted; steps++)
        {
            Assert.True(steps < 20_000, "The client neither waits nor comes to an end.");
            int waits = http.Waits().Count;
            if (waits > driven)
            {
                driven = waits;
                requests = http.Requests.Count;
            }

            // Once the next request is out, that wait is over.
            if (driven > 0 && http.Requests.Count == requests)
                http.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(task, Task.Delay(1));
        }

        return await task;
    }

    public static Task DriveAsync(this ScriptedHttp http, ValueTask work) => http.DriveAsync(Wrap(work));

    /// <summary>The waits of the client in seconds, as it noted them.</summary>
    public static List<double> Waits(this ScriptedHttp http)
    {
        var waits = new List<double>();
        for (int i = 0; i < http.Log.Count; i++)
        {
            if (http.Log[i] is { } line && Regex.Match(line, @"waiting ([\d.]+) s") is { Success: true } match)
                waits.Add(double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        }

        return waits;
    }

    public static SentRequest Last(this ScriptedHttp http) => http.Requests[^1];

    public static string PathAndQuery(this SentRequest request) => Uri.UnescapeDataString(request.Url.PathAndQuery);

    private static async ValueTask<bool> Wrap(ValueTask work)
    {
        await work;
        return true;
    }
}
