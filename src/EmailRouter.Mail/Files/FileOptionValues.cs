using System.Globalization;

namespace EmailRouter.Mail.Files;

/// <summary>Reads the options of profiles whose mail system works on files.</summary>
internal static class FileOptionValues
{
    /// <summary>Reads an option as text.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="name">The option; compared without regard to case.</param>
    /// <returns>Its value; null when it is not given.</returns>
    public static string? Text(MailEndpoint endpoint, string name) =>
        endpoint.Options.FirstOrDefault(o => string.Equals(o.Key, name, StringComparison.OrdinalIgnoreCase)).Value?.Trim();

    /// <summary>Reads an option as a number.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="name">The option.</param>
    /// <param name="otherwise">The value when it is not given.</param>
    /// <param name="least">The least value.</param>
    /// <param name="most">The greatest value.</param>
    /// <returns>The value.</returns>
    /// <exception cref="MailCommandException"><c>MailOptionInvalid</c>: it is no number, or out of bounds.</exception>
    public static double Number(MailEndpoint endpoint, string name, double otherwise, double least, double most)
    {
        if (Text(endpoint, name) is not { } text)
            return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= least && value <= most
            ? value
            : throw Invalid(name, text, string.Create(CultureInfo.InvariantCulture, $"Use a number from {least} to {most}, or leave it out."));
    }

    /// <summary>An option that cannot be used.</summary>
    /// <param name="name">The option.</param>
    /// <param name="value">Its value.</param>
    /// <param name="remedy">What to do about it.</param>
    /// <returns>The exception to throw.</returns>
    public static MailCommandException Invalid(string name, string value, string remedy) =>
        new("MailOptionInvalid", MailStep.Resolve, $"The profile's option {name} is \"{value}\", which means nothing.", remedy);
}
